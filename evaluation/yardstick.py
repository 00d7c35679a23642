"""What games are held against: how many secrets were still possible, and the best known play.

Both are facts of a suite, not of an agent. The secrets still possible turn a guess into bits; the
best known play on the same secrets turns a score into regret. For Wordle that is the decision tree
that ships with our lists (on others there is no regret), for other games the baseline `solver`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from wordle_rl.agents.baselines import load_baseline
from wordle_rl.agents.solver import MASTERMIND, WORDLE, Scoring
from wordle_rl.agents.word_tree import packaged_tree
from wordle_rl.envs import make_env, supported
from wordle_rl.envs.pegs import all_codes
from wordle_rl.evaluation.games import GameRecord
from wordle_rl.evaluation.suites import Suite
from wordle_rl.rollout import play_games


class Possible:
    """The secrets a game may have, and which of them survive each guess.

    Args:
        secrets: all of them, equally likely.
        scoring: how a guess is answered.
    """

    def __init__(self, secrets: Sequence[str], scoring: Scoring) -> None:
        self._secrets = tuple(secrets)
        self._scoring = scoring
        self._patterns = lru_cache(maxsize=20_000)(self._patterns_of)

    def bits(self, game: GameRecord) -> float | None:
        """What the guesses of a game told of its secret; None for a secret that is none of them."""
        left = np.arange(len(self._secrets))
        for guess, marks in zip(game["guesses"], game["feedback"], strict=True):
            if marks:
                left = left[self._patterns(guess)[left] == self._scoring.code(marks)]
        return math.log2(len(self._secrets) / len(left)) if len(left) else None

    def _patterns_of(self, guess: str) -> Any:
        return self._scoring.matrix([guess], self._secrets)[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Yardstick:
    """What the games of a suite are measured by."""

    possible: Possible | None = None
    """None for games whose secrets are not a list."""
    best_known: Mapping[str, int] | None = None
    """Secret -> guesses of the best known play; None where none is known."""


POSSIBLE: dict[str, Callable[[Mapping[str, Any]], Possible]] = {
    "wordle": lambda public: Possible(public["answers"], WORDLE),
    "mastermind": lambda public: Possible(
        all_codes(public["length"], public["colours"], public["duplicates"]), MASTERMIND
    ),
}
"""`TextEnv.public()["game"]` -> its secrets."""


def _of_tree(suite: Suite, public: Mapping[str, Any]) -> Mapping[str, int] | None:
    """The guesses of the tree that ships for these lists; nothing else is known to be as good."""
    lists = tuple(public["answers"]), tuple(public["guesses"])
    tree = packaged_tree(*lists, hard_mode=bool(public["hard_mode"]))
    lost = suite.protocol.max_guesses + 1
    return tree and {path[-1]: min(len(path), lost) for path in tree.paths}


def _of_solver(suite: Suite, public: Mapping[str, Any]) -> Mapping[str, int]:
    """The guesses of the baseline `solver`, which plays the suite; a loss counts one too many."""
    solver = load_baseline("solver")
    reads = supported(suite.env_id, style=solver.style, history="last")
    episodes = play_games(
        solver,
        suite.tasks,
        make_env=lambda task: make_env(task.env_id, **suite.env_options, **reads),
        temperature=0.0,
        seeds=[0] * len(suite.tasks),
    )
    lost = suite.protocol.max_guesses + 1
    return {e.task.secret: int(e.turns[-1].info["turn"]) if e.solved else lost for e in episodes}


BEST_KNOWN: dict[str, Callable[[Suite, Mapping[str, Any]], Mapping[str, int] | None]] = {
    "wordle": _of_tree,
    "guess-number": _of_solver,
    "mastermind": _of_solver,
    "math": _of_solver,
}
"""`TextEnv.public()["game"]` -> secret -> guesses of the best known play."""

_made: dict[str, Yardstick] = {}


def yardstick(suite: Suite) -> Yardstick:
    """The yardstick of a suite; it is made once for each suite hash."""
    key = suite.suite_hash
    if key not in _made:
        public = make_env(suite.env_id, **suite.env_options).public()
        game = public.get("game")
        _made[key] = Yardstick(
            possible=POSSIBLE[game](public) if game in POSSIBLE else None,
            best_known=BEST_KNOWN[game](suite, public) if game in BEST_KNOWN else None,
        )
    return _made[key]
