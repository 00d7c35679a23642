"""What games are held against: how many secrets were still possible, and the best known play.

Both are facts of a suite, not of an agent. The secrets still possible turn a guess into bits; the
best known play on the same secrets turns a score into regret. For Wordle that is the decision tree
that ships with our lists (on others there is no regret), for other games the baseline `solver`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from wordle_rl.agents.baselines import load_baseline
from wordle_rl.agents.solver import MASTERMIND, WORDLE, planner_for
from wordle_rl.agents.word_tree import packaged_tree
from wordle_rl.envs import make_env, supported
from wordle_rl.envs.pegs import all_codes
from wordle_rl.evaluation.move_regret import MoveRegret
from wordle_rl.evaluation.possible import Possible
from wordle_rl.evaluation.suites import Suite
from wordle_rl.rollout import play_games


@dataclass(frozen=True, slots=True, kw_only=True)
class Yardstick:
    """What the games of a suite are measured by."""

    possible: Possible | None = None
    """None for games whose secrets are not a list."""
    best_known: Mapping[str, int] | None = None
    """Secret -> guesses of the best known play; None where none is known."""
    moves: MoveRegret | None = None
    """Measures single guesses; None for games that no search of ours plays."""


POSSIBLE: dict[str, Callable[[Mapping[str, Any]], Possible]] = {
    "wordle": lambda public: Possible(public["answers"], WORDLE),
    "mastermind": lambda public: Possible(
        all_codes(public["length"], public["colours"], public["duplicates"]), MASTERMIND
    ),
}
"""`TextEnv.public()["game"]` -> its secrets."""


def _moves_of_wordle(public: Mapping[str, Any]) -> MoveRegret:
    answers, guesses = tuple(public["answers"]), tuple(public["guesses"])
    hard_mode = bool(public["hard_mode"])
    tree = packaged_tree(answers, guesses, hard_mode=hard_mode)
    return MoveRegret(planner_for(guesses, answers), hard_mode=hard_mode, tree=tree)


def _moves_of_mastermind(public: Mapping[str, Any]) -> MoveRegret:
    codes = all_codes(public["length"], public["colours"], public["duplicates"])
    return MoveRegret(planner_for(codes, codes, MASTERMIND))


MOVES: dict[str, Callable[[Mapping[str, Any]], MoveRegret]] = {
    "wordle": _moves_of_wordle,
    "mastermind": _moves_of_mastermind,
}
"""`TextEnv.public()["game"]` -> what measures its guesses."""


def _of_tree(suite: Suite, public: Mapping[str, Any]) -> Mapping[str, int] | None:
    """The guesses of the tree that ships for these lists; nothing else is known to be as good."""
    lists = tuple(public["answers"]), tuple(public["guesses"])
    tree = packaged_tree(*lists, hard_mode=bool(public["hard_mode"]))
    lost = suite.protocol.max_guesses + 1
    return None if tree is None else {p[-1]: min(len(p), lost) for p in tree.paths}


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
            moves=MOVES[game](public) if game in MOVES else None,
        )
    return _made[key]
