"""What is wrong in TextArena's games, put right from outside, and what a win in them is.

Imported only when a game is made, because it imports TextArena. Each entry names a game and one
defect of TextArena 0.7.4; tests play it with and without. The rules of no game change.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import import_module
from typing import Any

import textarena  # type: ignore[import-untyped]

from wordle_rl.envs.text_arena_text import SUITS

LOADS_LISTS = frozenset(
    {
        "Crosswords",
        "DontSayIt",
        "Hangman",
        "LogicPuzzle",
        "Set",
        "SpellingBee",
        "WordChains",
        "WordLadder",
        "Wordle",
    }
)
"""Games that take long to make and are reset for the next game. All others are made again, because
some go on where the last game ended: KuhnPoker, SpiteAndMalice and LetterAuction with the pack as
it lay, WordSearch with the tries that were left, and Countdown and Secretary with what they drew
when they were made.
"""
SET_TURNS = 20


# --- the state: arguments in the wrong order, and a missing method


class RepairedSinglePlayer(textarena.SinglePlayerState):  # type: ignore[misc]
    """The state of a one-player game.

    Countdown, Cryptarithm, Slitherlink and ThreeCardMonte hand reason and reward over in the wrong
    order, so that the reward is a sentence; FifteenPuzzle calls a method that there is not when it
    is solved.
    """

    def set_invalid_move(self, reason: Any, reward: Any = -1.0) -> None:
        """Refuse a move, with what is text as the reason."""
        if isinstance(reward, str):
            reason, reward = reward, reason
        super().set_invalid_move(reason=reason, reward=reward)

    def set_winners(self, player_ids: Any, reason: str) -> None:
        """End a game that was won."""
        del player_ids
        self.set_outcome(reward=1.0, reason=reason)


class RepairedTwoPlayer(textarena.TwoPlayerState):  # type: ignore[misc]
    """The state of a two-player game.

    `set_winners` uses an attribute that there is not, and DontSayIt without a limit compares the
    turn with None.
    """

    def check_turn_limit(self) -> bool:
        """Whether the last turn is over, where there is a last one."""
        return self.max_turns is not None and bool(super().check_turn_limit())

    def set_winners(self, player_ids: Any, reason: str) -> None:
        """End a game; several winners share the reward."""
        self.rewards = {player: (1 if player in player_ids else -1) for player in range(2)}
        for player in range(2):
            self.game_info[player]["reason"] = reason
        self.done = True


_STATES: dict[type, type] = {
    textarena.SinglePlayerState: RepairedSinglePlayer,
    textarena.TwoPlayerState: RepairedTwoPlayer,
}


# --- single games


class BestButton(dict[str, float]):
    """Bandit's means by button, equal to the name of the best one.

    Bandit compares the player's last button with all of its means and so is never won.
    """

    def __eq__(self, other: object) -> bool:
        return bool(other == max(self, key=self.__getitem__))

    __hash__ = None


def _repair_bandit(env: Any) -> None:
    means = env.state.game_state["ground_truth"]
    env.state.game_state["ground_truth"] = BestButton(means)


def three_cards(action: str) -> tuple[int, int, int] | None:
    """The cards in an action of Set. TextArena takes `[1, 1, 1]`, thrice one card, for a Set."""
    parse: Any = import_module("textarena.envs.Set.env").SetEnv._parse_action
    cards: tuple[int, int, int] | None = parse(None, action)
    return cards if cards and len({*cards}) == 3 else None


def _repair_set(env: Any) -> None:
    env._parse_action = three_cards


_REPAIRS: dict[str, Callable[[Any], None]] = {"Bandit": _repair_bandit, "Set": _repair_set}


def repair_lists(env: Any, name: str) -> None:
    """Put a game that has just been made right.

    WordChains draws from a list made of a set, whose order differs from process to process.
    """
    if name == "WordChains":
        env.word_list.sort()


def repair(env: Any, name: str) -> None:
    """Put a game that has just been reset right."""
    repaired = _STATES.get(type(env.state))
    if repaired is not None:
        env.state.__class__ = repaired
    if name in _REPAIRS:
        _REPAIRS[name](env)


# --- deals that are dealt again


def _is_solvable_fifteen(env: Any) -> bool:
    """Whether the tiles can be ordered: half of all shuffles cannot (Johnson and Story, 1879)."""
    tiles: list[int] = [tile or 16 for row in env.board for tile in row]
    inversions = sum(a > b for i, a in enumerate(tiles) for b in tiles[i + 1 :])
    row, column = divmod(tiles.index(16), 4)
    return (inversions + (3 - row) + (3 - column)) % 2 == 0


def _keeps_its_words(env: Any) -> bool:
    """Whether no clue has the word that is asked for in it: one in 22 clues of TextArena has."""
    clues: dict[str, str] = env.state.game_state["clues"]
    return not any(word.lower() in clue.lower() for word, clue in clues.items())


_FAIR: dict[str, Callable[[Any], bool]] = {
    "Crosswords": _keeps_its_words,
    "FifteenPuzzle": _is_solvable_fifteen,
}


def is_fair(env: Any, name: str) -> bool:
    """Whether a game that has just been dealt can be won, and does not tell its solution."""
    return name not in _FAIR or _FAIR[name](env)


# --- what a win is


def _made_the_tile(env: Any) -> bool:
    return bool(env._max_tile() >= env.target_tile)


def _beat_the_dealer(env: Any) -> bool:
    hands = env.state.game_state["results_summary"]
    return bool(hands["win"] > hands["lose"])


def _missed_no_set(env: Any) -> bool:
    return bool(env.state.game_state["score"] == SET_TURNS)


def _closed_the_loop(env: Any) -> bool:
    return bool(env._is_solved())


_WON: dict[str, Callable[[Any], bool]] = {
    "2048": _made_the_tile,  # a full board of large tiles is paid 1 too
    "Blackjack": _beat_the_dealer,  # 1 would be every hand
    "Set": _missed_no_set,  # 1 is a single Set
    "Slitherlink": _closed_the_loop,  # clues that fit without a loop are paid 1 too
}


def is_won(env: Any, name: str) -> bool:
    """Whether an ended one-player game was won, as the game's own rules have it.

    A game that invalid moves ended is lost. Otherwise TextArena pays 1 for a win and less for a
    loss, except in the games above.
    """
    if env.state.game_info[0]["invalid_move"]:
        return False
    if name in _WON:
        return _WON[name](env)
    return bool((env.state.rewards or {}).get(0) == 1)


# --- what was hidden


def _secret_button(env: Any) -> str:
    means: dict[str, float] = env.state.game_state["ground_truth"]
    return max(means, key=means.__getitem__)


_SECRETS: dict[str, Callable[[Any], object]] = {
    "Bandit": _secret_button,
    "GuessTheNumber": lambda env: env.game_number,
    "Hangman": lambda env: env.state.game_state["target_word"],
    "Mastermind": lambda env: " ".join(map(str, env.state.game_state["secret_code"])),
    "Sudoku": lambda env: "".join(str(digit) for row in env.full_grid for digit in row),
    "ThreeCardMonte": lambda env: env.ball_pos,
    "Wordle": lambda env: env.state.game_state["secret_word"],
}


def secret_of(env: Any, name: str) -> str:
    """What an ended game had hidden, empty where nothing was or where it is not one thing."""
    return str(_SECRETS[name](env)) if name in _SECRETS else ""


# --- actions in ASCII

_CARD = re.compile(r"\b(10|[2-9AJQK])([shdc])\b")
_BY_LETTER = {letter: symbol for symbol, letter in SUITS.items()}


def _with_suits(action: str) -> str:
    return _CARD.sub(lambda card: card[1] + _BY_LETTER[card[2]], action)


_HANDED_OVER: dict[str, Callable[[str], str]] = {"SpiteAndMalice": _with_suits}


def handed_over(action: str, name: str) -> str:
    """An action as the game wants it: where cards are shown as `7h`, they are played as `7h`."""
    return _HANDED_OVER[name](action) if name in _HANDED_OVER else action
