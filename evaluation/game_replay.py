"""A stored game move by move: what was said, how likely, what was possible, what a solver would do.

In: a stored game and its suite. Out: `Step`s, plain enough for a page. The game is played again
from its recorded answers, so that the solver sees exactly what the agent saw.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wordle_rl.agents.base import Move
from wordle_rl.agents.baselines import load_baseline
from wordle_rl.agents.solver import planner_for
from wordle_rl.envs import make_env, supported
from wordle_rl.errors import ConfigError
from wordle_rl.evaluation.games import GameRecord
from wordle_rl.evaluation.possible import words_left
from wordle_rl.evaluation.suites import Suite
from wordle_rl.records import Task
from wordle_rl.rollout import RunningGame

SOLVER = "solver"
WORDS_SHOWN = 120
"""Of the words still possible, so many are listed."""
MAX_TURNS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One answer of the agent and what was known after it."""

    guess: str
    marks: str
    """G, Y and X; empty where the game refused the guess, or has no colours."""
    status: str
    said: str
    """The answer word for word."""
    probability: float | None
    """Of the answer, as it was sampled; None where no model sampled it."""
    seen: str
    """What the game answered."""
    left: int | None
    """Words still possible; None for other games than Wordle."""
    fair: float | None
    """Words that a random fitting guess would have left, on average."""
    words: tuple[str, ...]
    """The first of the words still possible."""
    solver: str | None
    """What the solver would have played in this place; None where the game has none."""


def replay_steps(game: GameRecord, suite: Suite) -> list[Step]:
    """The moves of a game in their order."""
    task = next((t for t in suite.tasks if t.secret == game["secret"]), None)
    running = None if task is None else _start(task, suite)
    public: Mapping[str, Any] = {} if running is None else running.env.public()
    is_wordle = public.get("game") == "wordle"
    solver = [] if running is None or task is None else list(_solver_moves(running, task, game))
    rows = list(zip(game["guesses"], game["feedback"], strict=True))
    secret = game.get("told_secret", game["secret"])
    known = words_left(rows, public["answers"], secret) if is_wordle else []
    said, seen = game.get("actions"), game.get("observations")
    odds = game.get("probabilities")
    return [
        Step(
            guess=guess,
            marks=marks if is_wordle else "",
            status=game["statuses"][i],
            said=said[i] if said else guess,
            probability=odds[i] if odds else None,
            seen=seen[i + 1] if seen else marks,
            left=known[i].left if is_wordle else None,
            fair=known[i].fair if is_wordle else None,
            words=_possible(public, rows[: i + 1]) if is_wordle else (),
            solver=solver[i] if i < len(solver) else None,
        )
        for i, (guess, marks) in enumerate(rows)
    ]


def prepare() -> None:
    """Work out what Wordle's solver needs, so that the first page need not wait for it."""
    public = make_env("wordle").public()
    planner = planner_for(tuple(public["guesses"]), tuple(public["answers"]))
    assert planner.patterns.size


def _start(task: Task, suite: Suite) -> RunningGame:
    reads = supported(task.env_id, style="compact", history="last")
    return RunningGame(task=task, env=make_env(task.env_id, **suite.env_options, **reads))


def _solver_moves(running: RunningGame, task: Task, game: GameRecord) -> Iterator[str | None]:
    """The solver's answer at each point of the game, which then goes on as it went."""
    opening = running.open(task.seed)
    if opening is None:
        return
    try:
        player = load_baseline(SOLVER).begin([opening], temperature=0.0)
    except ConfigError:  # this game has no solver
        return
    for answer in _answers(game):
        if running.stop_reason is not None:
            return
        move = player.act({0: running.view()}).get(0)
        yield None if move is None else move.action
        running.play(Move(action=answer), MAX_TURNS)


def _answers(game: GameRecord) -> Sequence[str]:
    """What was said; of games recorded without it, what was understood."""
    return game["actions"] if "actions" in game else [f"[{guess}]" for guess in game["guesses"]]


def _possible(public: Mapping[str, Any], rows: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    planner = planner_for(tuple(public["guesses"]), tuple(public["answers"]))
    left = planner.candidates([row for row in rows if row[1]])
    return tuple(planner.answers[i] for i in left[:WORDS_SHOWN])
