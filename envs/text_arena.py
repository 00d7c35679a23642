"""TextArena's games as environments of this project (https://github.com/LeonGuertler/TextArena).

`text_arena_games` says which there are, `text_arena_match` plays them behind a guard, `opponents`
answer in games for two; this file is the Gymnasium side: options, reward, info.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, cast, get_args

import numpy as np

from wordle_rl.envs.arguments import check_choice, check_range
from wordle_rl.envs.base import History, Style, TextEnv
from wordle_rl.envs.opponents import Conversation, Opponent, TalkingOpponent, find_opponent
from wordle_rl.envs.rewards import RewardParts
from wordle_rl.envs.text_arena_games import check_id, check_playable
from wordle_rl.envs.text_arena_match import MAX_TURNS, Exchange, Match, OutcomeName, TwoPlayerGame
from wordle_rl.errors import ConfigError, OpponentError

Seat = Literal[0, 1, "alternate", "random"]
EndReason = Literal["", "solved", "draw", "lost", "invalid", "error", "max_turns"]
MAX_SHOWN = 200
"""Characters of an action that `info["guess"]` repeats."""


def binary(solved: bool, native: float) -> RewardParts:
    """1 for a win."""
    del native
    return {"win": float(solved)}


def native(solved: bool, native: float) -> RewardParts:
    """TextArena's own reward, paid at the end. Lost games may be paid nearly as much as won ones.

    In games for two it is 1, 0 or -1 nearly everywhere. In Bandit a worse button is paid more.
    """
    del solved
    return {"native": native}


REWARDS: dict[str, Callable[[bool, float], RewardParts]] = {"binary": binary, "native": native}


class TextArenaEnv(TextEnv):
    """One game of TextArena, alone or against an opponent.

    ## Description
    `game` is an id of TextArena, such as "Sokoban-v0"; `wordle-rl envs --textarena` lists those
    that can be played and says what a win is in each. The rules and texts are TextArena's own, and
    its known defects are put right (`text_arena_repairs`).

    ## Action Space
    `Text`: anything; what the game reads is mostly in square brackets, often the first pair. Text
    in `<think>` is left out, and text without brackets is put in brackets, as TextArena does. The
    game may refuse an action. The first refusal is forgiven and costs no turn, the second in a
    row loses the game: this is TextArena's rule of two strikes.

    ## Observation Space
    `Text` in printable ASCII: symbols are written out (a spade as s, a box on its target as `*`).
    With `history="last"` an observation is what was said since the player's last action, with
    "full" the whole game. Boards that a newer one replaces are left out. `style="compact"` leaves
    out the rules and blank lines; with history "last" it makes the positions of some board games
    one line, `X:O1X3O5678` (`text_arena_positions`). The last observation ends with TextArena's
    reason for the end. A text that is too long is cut at its front and begins with a mark.

    ## Rewards
    `reward="binary"` pays 1 for a win of the game's own rules; "native" pays TextArena's own
    number at the end, which can be nearly 1 for a lost game.

    ## Starting State
    Dealt from the seed. In a game for two the opponent has moved if it begins, and with
    `opening_moves` there is a position to begin with.

    ## Episode End
    Terminated when the game is over, after two refusals in a row, when the game fails, or after
    `max_turns` actions of all players together: a limit outside of the game, told by `end_reason`,
    because a `TextEnv` is never truncated. If the opponent has lost before the player's first
    action, any action ends the game.

    ## Info
    * `turn`: actions of the player that the game accepted.
    * `guess`: the action as it was handed to the game, its first 200 characters.
    * `status`: `start`, `ok`, `invalid` (refused), `error` (the game failed).
    * `feedback`: always empty.
    * `solved`: whether the player has won.
    * `outcome`: empty while the game runs or without a result, then `win`, `draw` or `loss`.
    * `reward_parts`: what the action earned, by name.
    * `end_reason`: empty while the game runs, then `solved`, `draw`, `lost`, `invalid` (two
      strikes), `error` or `max_turns`.
    * `consistent`: whether the game accepted the action.
    * `native_reward`: TextArena's own reward; 0 while the game runs.
    * `problem`: what the game raised, or the reward that was no number; empty nearly always.
    * `seat`: the player's number in the game.
    * `opponent_turns`: how many actions the opponent has made; `opponent_record` has them.
    * `secret`: after the end; what was hidden, where it is one thing, else empty.

    ## Arguments
    * `game`: an id of TextArena without `-raw` or `-train`.
    * `game_options`: arguments of the game's class in TextArena, such as `{"piles": [1, 2]}`.
    * `opponent`: "random", "greedy" or "perfect" (TicTacToe, Nim), an agent as "agent:NAME" (its
      best moves) or "sampled:NAME", `package.module:name`, or an object: a callable
      (`opponents.Opponent`) or an agent in `agents.opponent.AgentOpponent`. For games of two alone.
    * `seat`: 0 or 1, who the player is; "random" draws it for each game; "alternate" changes it at
      each reset of this environment. `reset(options={"seat": 0})` fixes it for one game.
    * `reward`, `style`, `history`: as above.
    * `opening_moves`: in a game for two, so many moves at most (their number is drawn from the
      seed) are made at random before the player and the opponent take over.
    * `max_turns`: as above, 1 to 1000.
    * `render_mode`: "ansi" returns the game as the player has heard it, "human" prints what is new.

    ## Version History
    * v0: first version, for TextArena 0.7.4.
    """

    def __init__(
        self,
        *,
        game: str = "GuessTheNumber-v0",
        game_options: Mapping[str, Any] | None = None,
        opponent: str | Opponent | TalkingOpponent = "random",
        seat: Seat = 0,
        reward: str = "binary",
        style: Style = "chat",
        history: History = "last",
        opening_moves: int = 0,
        max_turns: int = MAX_TURNS,
        render_mode: str | None = None,
    ) -> None:
        """Make the game. Raises ConfigError for a game or an option that there is not."""
        super().__init__(render_mode=render_mode)
        check_choice("reward", reward, REWARDS)
        check_choice("style", style, get_args(Style))
        check_choice("history", history, get_args(History))
        check_range("max_turns", max_turns, 1, MAX_TURNS)
        _check_seat(seat)
        _check_game(game, game_options)
        self._players = check_playable(game).players
        options: dict[str, Any] = {
            "game_options": game_options,
            "style": style,
            "history": history,
            "max_turns": max_turns,
        }
        self._match: Match
        if self._players == 2:
            self._match = TwoPlayerGame(game, opening_moves=opening_moves, **options)
            self._opponent = find_opponent(opponent, game)
        else:
            _check_alone(game, opening_moves=opening_moves, opponent=opponent)
            self._match = Match(game, 1, **options)
        self._scheme = REWARDS[reward]
        self._seat_rule, self._max_turns = seat, max_turns
        self._seat = self._games = 0
        self._talk: Conversation | None = None

    @property
    def match(self) -> Match:
        """The game itself, with what each seat has heard and done."""
        return self._match

    def public(self) -> Mapping[str, Any]:
        """The id of the game, its players, the limit on turns, and whether brackets are added."""
        return {
            "library": "textarena",
            "game": self._match.game,
            "adds_brackets": self._match.engine.adds_brackets,
            "players": self._players,
            "max_turns": self._max_turns,
        }

    def opponent_record(self) -> tuple[Exchange, ...]:
        """What the opponent has heard and answered, turn by turn: the other half of the game."""
        return self._match.record(1 - self._seat) if self._players == 2 else ()

    def _start(self, options: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        self._seat = self._choose_seat(options)
        self._games += 1
        seeds = self.np_random.integers(2**31, size=2)
        self._generator = np.random.default_rng(int(seeds[1]))
        self._match.reset(int(seeds[0]))
        self._greet_opponent()
        self._let_opponent_play()
        return self._match.observation(self._seat), self._info("start", "", {}, ended=False)

    def _move(self, action: str) -> tuple[str, float, bool, dict[str, Any]]:
        status, guess = "ok", ""
        if not self._match.done:
            guess = self._match.engine.read(action)
            self._match.step(action)
            status = self._match.status
            self._let_opponent_play()
        ended = self._match.done
        parts = self._scheme(self._solved, self._match.rewards[self._seat])
        info = self._info(status, guess, parts, ended=ended)
        return self._match.observation(self._seat), float(sum(parts.values())), ended, info

    def _let_opponent_play(self) -> None:
        while self._players == 2 and not self._match.done and self._match.to_move != self._seat:
            action = self._opponents_action()
            if not isinstance(action, str):
                kind = type(action).__name__
                raise OpponentError(f"the opponent's action is a {kind}, not a str: {action!r}")
            self._match.step(action)

    def _greet_opponent(self) -> None:
        """Tell an opponent that talks that a game begins."""
        if self._players == 2 and isinstance(self._opponent, TalkingOpponent):
            seed = int(self._generator.integers(2**31))
            self._talk = self._opponent.begin_game(self.public(), seed)
            self._match.speak_to(1 - self._seat, self._opponent.style, "last")

    def _opponents_action(self) -> object:
        if self._talk is not None:
            return self._talk.answer(self._match.observation(1 - self._seat))
        answer = cast("Opponent", self._opponent)
        return answer(self._match.transcript(1 - self._seat), self._generator)

    def _choose_seat(self, options: dict[str, Any]) -> int:
        for key in options:
            check_choice("reset option", key, ["seat"])
        seat = options.get("seat", self._seat_rule)
        _check_seat(seat)
        if self._players == 1:
            return 0
        if seat == "random":
            return int(self.np_random.integers(2))
        return self._games % 2 if seat == "alternate" else int(seat)

    @property
    def _outcome(self) -> OutcomeName:
        if isinstance(self._match, TwoPlayerGame):
            return self._match.outcome(self._seat)
        if not self._match.done or self._match.error or self._match.called_off:
            return ""
        return "win" if self._match.engine.won else "loss"

    @property
    def _solved(self) -> bool:
        return self._outcome == "win"

    def _end_reason(self) -> EndReason:
        if not self._match.done:
            return ""
        if self._match.error:
            return "error"
        if self._match.called_off:
            return "max_turns"
        if self._match.engine.is_invalid(self._seat):
            return "invalid"
        return cast("EndReason", {"win": "solved", "draw": "draw"}.get(self._outcome, "lost"))

    def _info(
        self, status: str, guess: str, parts: Mapping[str, float], *, ended: bool
    ) -> dict[str, Any]:
        info: dict[str, Any] = {
            "turn": self._match.accepted(self._seat),
            "guess": guess[:MAX_SHOWN],
            "status": status,
            "feedback": "",
            "solved": ended and self._solved,
            "outcome": self._outcome if ended else "",
            "reward_parts": dict(parts),
            "end_reason": self._end_reason() if ended else "",
            "consistent": status == "ok",
            "native_reward": self._match.rewards[self._seat] if ended else 0.0,
            "problem": self._match.engine.problem(self._seat) if ended else "",
            "seat": self._seat,
            "opponent_turns": len(self.opponent_record()),
        }
        if ended:
            info["secret"] = self._match.engine.secret
        return info

    def _picture(self, *, whole: bool, colour: bool) -> str:
        """What the player has heard, as TextArena words it; never its board with the solution."""
        del colour
        return self._match.transcript(self._seat) if whole else self._match.news(self._seat)


def _check_game(game: object, game_options: Any) -> None:
    if not isinstance(game, str):
        raise ConfigError(f"game {game!r} is no id of TextArena: write it as 'Sokoban-v0'")
    if game_options is not None and not isinstance(game_options, Mapping):
        raise ConfigError(f"game_options {game_options!r} is no table: write it as {{size = 4}}")
    check_id(game)
    if game.startswith("Nim-") and game_options is not None and "piles" in game_options:
        _check_piles(game_options["piles"])


def _check_piles(piles: Any) -> None:
    """TextArena plays Nim with anything, and without an object to take nobody can move."""
    if piles is None:  # TextArena's own
        return
    if not isinstance(piles, list) or not all(isinstance(n, int) and n >= 0 for n in piles):
        raise ConfigError(f"piles {piles!r} are no list of numbers: write them as [3, 4, 5]")
    if not any(piles):
        raise ConfigError(f"piles {piles!r} hold nothing to take: write them as [3, 4, 5]")


def _check_seat(seat: object) -> None:
    if seat not in get_args(Seat) or isinstance(seat, bool):
        raise ConfigError(f"seat {seat!r} is not 0, 1, 'alternate' or 'random'")


def _check_alone(game: str, **given: object) -> None:
    """Refuse what only games for two have, unless it is the default."""
    for name, value in given.items():
        if value not in (0, "random"):
            raise ConfigError(
                f"{name} {value!r} is for games for two, not for {game!r}: leave it out"
            )
