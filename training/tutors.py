"""A teacher for the states that the policy itself reached: what it would have said there.

    EpisodeGroup x P -> the same games, their turns with `teacher_probs`

The trainer adds `distill_coef` x KL(teacher || policy) on those turns: on-policy distillation
(Agarwal et al. 2023, arXiv 2306.13649), and where the teacher has one answer to a state, DAgger
(Ross et al. 2011, arXiv 1011.0686). Imitation shows states that the teacher reaches; here the
student's own mistakes are answered. The teacher speaks token by token after what the policy has
said, and is silent from where none of its answers begins so.

In Wordle it draws one of the answers that fit: every answer alike, whatever its split, or (`sharp`)
the likelier the more different feedback it can get. Elsewhere it is a baseline of the game.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from wordle_rl.agents.base import Opening, View
from wordle_rl.agents.baselines import load_baseline
from wordle_rl.agents.solver import Planner, planner_for
from wordle_rl.envs import make_env, supported
from wordle_rl.envs.base import TextEnv
from wordle_rl.envs.feedback import feedback, pattern_code
from wordle_rl.errors import unknown_name
from wordle_rl.records import Episode, EpisodeGroup, Task, Turn
from wordle_rl.seeding import seed_from
from wordle_rl.training.symbols import (
    NOTHING,
    SYMBOLS,
    Codes,
    Probabilities,
    encode_answers,
    next_symbols,
)

TEACHERS: Mapping[str, float | None] = {"consistent": 0.0, "sharp": 1.0, "solver": None}
"""Name -> sharpness of Wordle's teacher; None for the baseline `solver`, in Wordle too."""
BASELINES = {"math": "solver"}
"""Who stands for `consistent` in games where nothing is left to chance."""

Taught = list[list[Probabilities | None]]
"""For every game and turn, [n, A] as in `Turn.teacher_probs`; None where it has nothing to say."""


class Tutor(Protocol):
    """Answers for the states of played games."""

    def teach(self, games: Sequence[Episode], said: Said) -> Taught:
        """What the teacher would have said on every turn of games of one kind."""
        ...


@dataclass(frozen=True, slots=True)
class Said:
    """Reads sampled tokens as symbols."""

    codes: Mapping[int, int]
    """Token -> symbol."""

    def __call__(self, turns: Sequence[Turn], length: int) -> Codes:
        """The first `length` symbols of each answer, [N, length]."""
        said = np.full((len(turns), length), NOTHING, dtype=np.uint8)
        for row, turn in zip(said, turns, strict=True):
            tokens = turn.completion.token_ids[:length] if turn.completion is not None else ()
            row[: len(tokens)] = [self.codes.get(token, NOTHING) for token in tokens]
        return said


@dataclass(frozen=True)
class WordleTutor:
    """Draws one of the answers that fit all feedback so far.

    Attributes:
        planner: of the game's lists.
        sharpness: 0 for every answer alike; else in proportion to exp(sharpness x number of
            different feedbacks that the word can get from those that fit).
    """

    planner: Planner
    sharpness: float = 0.0
    _scores: dict[bytes, Probabilities] = field(default_factory=dict)
    """Weights of the answers that fit, by which ones do: most states recur."""

    @cached_property
    def answers(self) -> Codes:
        """The answers as symbols."""
        return encode_answers(self.planner.answers)

    def teach(self, games: Sequence[Episode], said: Said) -> Taught:
        """What the teacher would have said on every turn."""
        turns = [turn for game in games for turn in game.turns]
        if not turns:
            return [[] for _ in games]
        fits = np.concatenate([self._fitting(game) for game in games if game.turns])
        weights = self._weights(fits) if self.sharpness else fits.astype(np.float32)
        probs = iter(next_symbols(weights, said(turns, self.answers.shape[1]), self.answers))
        return [[next(probs) for _ in game.turns] for game in games]

    def _fitting(self, game: Episode) -> NDArray[np.bool_]:
        """Which answers fit what was known before each turn, [K, W]."""
        fits = np.ones((len(game.turns), len(self.planner.answers)), dtype=bool)
        for guess in game.task.options.get("opening", ()):
            fits &= self._agrees(guess, feedback(guess, game.turns[-1].info["secret"]))
        for k, turn in enumerate(game.turns[:-1]):
            if marks := turn.info.get("feedback"):
                fits[k + 1 :] &= self._agrees(turn.info["guess"], marks)
        return fits

    def _agrees(self, guess: str, marks: str) -> NDArray[np.bool_]:
        agrees: NDArray[np.bool_] = self.planner.patterns[
            self.planner.row_of[guess]
        ] == pattern_code(marks)
        return agrees

    def _weights(self, fits: NDArray[np.bool_]) -> Probabilities:
        weights = np.zeros(fits.shape, dtype=np.float32)
        for row, fit in zip(weights, fits, strict=True):
            key = np.packbits(fit).tobytes()
            if key not in self._scores:
                self._scores[key] = self._score(np.flatnonzero(fit))
            row[fit] = self._scores[key]
        return weights

    def _score(self, candidates: NDArray[np.intp]) -> Probabilities:
        """exp(sharpness x (patterns - most patterns)) of each candidate."""
        if not len(candidates):
            return np.zeros(0, dtype=np.float32)
        rows = self.planner.answer_rows[candidates]
        patterns = np.sort(self.planner.patterns[rows][:, candidates], axis=1)
        different = 1 + np.count_nonzero(patterns[:, 1:] != patterns[:, :-1], axis=1)
        scores: Probabilities = np.exp(self.sharpness * (different - different.max())).astype(
            np.float32
        )
        return scores


@dataclass(frozen=True)
class BaselineTutor:
    """A baseline that is shown each state and asked for its move: one answer a state."""

    baseline: str

    def teach(self, games: Sequence[Episode], said: Said) -> Taught:
        """What the baseline would have said on every turn; nothing in games begun half-way."""
        known = [i for i, game in enumerate(games) if "opening" not in game.task.options]
        openings: dict[str, Opening] = {}
        moves = {i: self._moves(games[i], openings) for i in known}
        answers = encode_answers([move for i in known for move in moves[i]])
        turns = [turn for i in known for turn in games[i].turns]
        probs = iter(_one_answer(said(turns, answers.shape[1]), answers))
        return [
            [next(probs) for _ in game.turns] if i in moves else [None] * len(game.turns)
            for i, game in enumerate(games)
        ]

    def _moves(self, game: Episode, openings: dict[str, Opening]) -> list[str]:
        """Its answer on every turn; `openings` holds those of the tasks seen so far."""
        if game.task.task_id not in openings:
            openings[game.task.task_id] = _opening(game.task)
        opening = openings[game.task.task_id]
        player = load_baseline(self.baseline).begin([opening], temperature=1.0)
        infos = [opening.info, *(turn.info for turn in game.turns)]
        views = [
            View(observation=t.observation, info=i)
            for t, i in zip(game.turns, infos[:-1], strict=True)
        ]
        return [player.act({0: view})[0].action for view in views]


def _opening(task: Task) -> Opening:
    env = _game(task)
    observation, info = env.reset(seed=task.seed, options=dict(task.options))
    seed = seed_from("tutor", task.seed, task.task_id)
    return Opening(observation=observation, info=info, seed=seed, public=env.public())


def _game(task: Task) -> TextEnv:
    """A game of the task in the style that baselines read."""
    fixed = supported(task.env_id, split=task.split, style="compact", history="last")
    return make_env(task.env_id, **fixed, **task.env_options)


def _one_answer(said: Codes, answers: Codes) -> Probabilities:
    """`next_symbols` where each state has one answer of its own: [N, L], [N, L] -> [N, L, A]."""
    probs = np.zeros((*said.shape, SYMBOLS), dtype=np.float32)
    agrees = np.ones(len(said), dtype=bool)
    for place in range(said.shape[1]):
        symbol = answers[:, place]
        told = np.flatnonzero(agrees & (symbol < SYMBOLS))
        probs[told, place, symbol[told]] = 1.0
        agrees &= symbol == said[:, place]
    return probs


def taught(groups: Sequence[EpisodeGroup], teacher: str, said: Said) -> list[EpisodeGroup]:
    """The same games; each turn knows what the teacher would have said.

    Args:
        groups: what was played.
        teacher: one of `TEACHERS`.
        said: reads the policy's tokens.

    Raises:
        ConfigError: there is no such teacher, or a game has no baseline to stand for it.
    """
    return [_taught(group, find_tutor(teacher, group.task), said) for group in groups]


def _taught(group: EpisodeGroup, tutor: Tutor, said: Said) -> EpisodeGroup:
    sound = [game for game in group.episodes if game.error is None]
    lessons = iter(tutor.teach(sound, said))
    return replace(
        group,
        episodes=tuple(
            game if game.error is not None else _with_lessons(game, next(lessons))
            for game in group.episodes
        ),
    )


def _with_lessons(game: Episode, lessons: Sequence[Probabilities | None]) -> Episode:
    turns = zip(game.turns, lessons, strict=True)
    return replace(game, turns=tuple(_with_lesson(turn, probs) for turn, probs in turns))


def _with_lesson(turn: Turn, probs: Probabilities | None) -> Turn:
    """A short answer has no room for all that the teacher would have said."""
    if probs is None or turn.completion is None:
        return turn
    return replace(turn, teacher_probs=probs[: len(turn.completion.token_ids)])


def find_tutor(teacher: str, task: Task) -> Tutor:
    """Who teaches the game of a task.

    Raises:
        ConfigError: there is no such teacher.
    """
    if teacher not in TEACHERS:
        raise unknown_name("teacher", teacher, TEACHERS)
    sharpness, public = TEACHERS[teacher], _game(task).public()
    if public["game"] == "wordle" and sharpness is not None:
        return _wordle_tutor(planner_for(public["guesses"], public["answers"]), sharpness)
    stand_in = "random-consistent" if teacher == "consistent" else "solver"
    return BaselineTutor(BASELINES.get(public["game"], stand_in))


@lru_cache(maxsize=8)
def _wordle_tutor(planner: Planner, sharpness: float) -> WordleTutor:
    return WordleTutor(planner, sharpness)
