"""Games of TextArena for tests: made, played, and looked into."""

import copy
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import pytest

from wordle_rl.envs.opponents import candidate_moves
from wordle_rl.envs.text_arena import TextArenaEnv
from wordle_rl.envs.text_arena_games import (
    GAMES_OF_ONE,
    GAMES_OF_TWO,
    ArenaGame,
    arena_name,
)

STRANGE = ["", "[", "]", "\ud800", "\x00[1]", "[" + "9" * 5000 + "]", "[1]" * 4000, "<think>[1]"]
"""Actions that no game understands, or that trip one up."""


def plain_ids(games: dict[str, ArenaGame]) -> list[str]:
    """The plain form of each game that is played here without further data."""
    return sorted(f"{name}-v0" for name, game in games.items() if game.status == "ok")


ALONE, FOR_TWO = plain_ids(GAMES_OF_ONE), plain_ids(GAMES_OF_TWO)


def with_slow_deals_marked(games: Sequence[str]) -> list[Any]:
    """The games as parameters; the two that think long before they deal are for the slow tests."""
    return [pytest.param(game, marks=[pytest.mark.slow] * (game in SLOW_DEALS)) for game in games]


SLOW_DEALS = ("RushHour-v0", "Sokoban-v0")
TRIES, LENGTH = 40, 8
"""How many actions are tried on a copy of a game, and how many are played."""
DIRECTIONS = "up down left right"
WORDS = "aaaaa baaaa stone money river orange picture sea tone"
MOVES: dict[str, tuple[str, ...]] = {
    "2048": (DIRECTIONS,),
    "Bandit": ("red blue green yellow purple",),
    "Blackjack": ("hit stand",),
    "Countdown": ("0 1 2 3", "0 1 2 3", "+ - *"),
    "Crosswords": ("0 1 2 3 4 5", "0 1 2 3 4 5", "e t a o i n s"),
    "Cryptarithm": ("S E N D M O R Y", "0 1 2 3 4 5 6 7 8 9"),
    "FifteenPuzzle": (DIRECTIONS,),
    "FrozenLake": (DIRECTIONS,),
    "GuessTheNumber": ("1 3 5 7 9 11 13 15 17 19",),
    "Hangman": ("a b c d e f g h i n o r s t",),
    "LightsOut": ("0 1 2 3 4", "0 1 2 3 4"),
    "LogicPuzzle": ("gasoline diesel electric home park", "alice bob charlie", "X O"),
    "Mastermind": ("1 2", "3 4", "5", "6"),
    "Minesweeper": ("0 1 2 3 4 5 6 7", "0 1 2 3 4 5 6 7"),
    "PegJump": ("2 3 7 9 12 14", "2 3 4 5 6 13"),
    "RushHour": ("X+ X- A+ A- B+ B- C+ C- D+ D-",),
    "Secretary": ("continue continue continue accept",),
    "Set": ("1, 2, 3, 4,", "5, 6, 7, 8,", "9 10 11 12"),
    "Slitherlink": ("h v", "0 1 2 3", "0 1 2 3"),
    "Sokoban": (DIRECTIONS,),
    "Sudoku": ("1 2 3 4 5 6 7 8 9", "7 8 9", "1 2 3 4 5 6 7 8 9"),
    "ThreeCardMonte": ("0 1 2",),
    "TowerOfHanoi": ("A B C", "A B C"),
    "WordSearch": ("0 1 2 3", "0 1 2 3", "0 1 2 3", "0 1 2 3"),
}
"""What an action is put together from, part by part; elsewhere it is one of `WORDS`."""


def arena(game: str, **options: Any) -> TextArenaEnv:
    return TextArenaEnv(game=game, **options)


def random_action(env: TextArenaEnv, rng: np.random.Generator) -> str:
    """An action that the game may understand."""
    game = env.match.game
    if env.public()["players"] == 2:
        moves = candidate_moves(game, env.match.transcript(env.match.to_move))
        return moves[int(rng.integers(len(moves)))]
    choices = MOVES.get(arena_name(game), (WORDS,))
    return "[" + " ".join(str(rng.choice(words.split())) for words in choices) + "]"


def accepted_action(env: TextArenaEnv, rng: np.random.Generator) -> str:
    """One of some random actions: the first that a copy of the game accepts, else the last."""
    action = ""
    for _ in range(TRIES):
        action = random_action(env, rng)
        if copy.deepcopy(env).step(action)[4]["status"] == "ok":
            break
    return action


@cache
def accepted_actions(game: str, seed: int) -> tuple[str, ...]:
    """The first actions of a game of that seed, and most often all of them are accepted."""
    env, rng = arena(game), np.random.default_rng(seed)
    env.reset(seed=seed)
    actions: list[str] = []
    while len(actions) < LENGTH and not env.match.done:
        actions.append(accepted_action(env, rng))
        env.step(actions[-1])
    return tuple(actions)


def play(env: TextArenaEnv, *actions: str, **reset: Any) -> list[Any]:
    """Reset and play to the end of the actions or of the game; everything that came back."""
    came: list[Any] = [env.reset(**reset)]
    for action in actions:
        came.append(env.step(action))
        if came[-1][2]:
            break
    return came


def last_info(env: TextArenaEnv, *actions: str, **reset: Any) -> dict[str, Any]:
    info: dict[str, Any] = play(env, *actions, **reset)[-1][-1]
    return info


def state(env: TextArenaEnv) -> Any:
    """TextArena's own state of the game."""
    return env.match.engine.env.state
