"""No training stream ever has a validation or test secret: imitation and every packaged preset.

The words themselves may be guessed, by the teacher or the model, like any other; what a game is
about, and what a question's answer is drawn from, may not be one that anything is measured on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache

import numpy as np
import pytest

from wordle_rl.config import PretrainConfig, TrainConfig, parse, preset_names, read_preset
from wordle_rl.envs import make_env, supported
from wordle_rl.envs.math_problems import problem_of
from wordle_rl.envs.math_text import COMPACT_MARK
from wordle_rl.envs.words import load_words, split_of
from wordle_rl.evaluation.suites import load_suite
from wordle_rl.records import Task
from wordle_rl.training.games import draw_tasks
from wordle_rl.training.mixture import mixture
from wordle_rl.training.teachers import PlayedTeacher, find_teacher

STEPS = 40
MEASURED = {
    "wordle": ("wordle-val", "wordle-heldout"),
    "guess-number": ("guess-number-1000-val", "guess-number-1000"),
    "math": ("math-1-val", "math-1", "math-2-val", "math-2"),
}
"""Game -> the suites that settings are chosen on, and those that are published."""
SPLIT: dict[str, Callable[[str], str]] = {
    "wordle": lambda word: split_of(word) if word in load_words("answers") else "train",
    "guess-number": lambda number: split_of(f"guess-number:{number}"),
    "math": lambda question: "train",  # known by its question alone: `measured` is the check
}
"""Game -> the split of what a game is about. A legal word that is no answer is practice."""


@cache
def measured(game: str) -> frozenset[str]:
    """Secrets, of math the questions, of the suites of a game."""
    secrets = [secret for name in MEASURED[game] for secret in load_suite(name).secrets]
    if game == "math":
        return frozenset(problem_of(secret).compact for secret in secrets)
    return frozenset(secrets)


def check_subject(game: str, subject: str) -> None:
    assert SPLIT[game](subject) == "train", (game, subject)
    assert subject not in measured(game), (game, subject)


@pytest.mark.parametrize("game", MEASURED)
def test_the_check_sees_a_measured_subject(game: str) -> None:
    assert len(measured(game)) > 150
    with pytest.raises(AssertionError):
        check_subject(game, min(measured(game)))


def subject_of(task: Task) -> str:
    """What the seed of a task fixes: the secret, told when the game is over, or the question."""
    fixed = supported(task.env_id, split=task.split, style="compact", history="last")
    env = make_env(task.env_id, **fixed, **task.env_options)
    observation, _ = env.reset(seed=task.seed, options=dict(task.options))
    if task.env_id == "math":
        return observation.removeprefix(COMPACT_MARK)
    for _ in range(64):
        _, _, terminated, truncated, info = env.step("")
        if terminated or truncated:
            return str(info["secret"])
    raise AssertionError(f"{task.env_id} does not end")


def streams(config: TrainConfig) -> Iterator[Task]:
    small = config.rollout.model_copy(update={"tasks_per_step": 16})
    for step in range(STEPS):
        yield from draw_tasks(config.model_copy(update={"rollout": small}), step)


@pytest.mark.parametrize("name", sorted(preset_names()))
def test_no_preset_trains_on_a_measured_secret(name: str) -> None:
    config = parse(TrainConfig, read_preset(name))
    if config.env.split != "train":
        assert "closed" in name, "a list without held-out words says so in its name"
        return
    seen: Counter[str] = Counter()
    for task in streams(config):
        assert task.split == "train"
        if task.env_id in MEASURED:
            check_subject(task.env_id, subject_of(task))
            seen[task.env_id] += 1
    played = {game.env_id for game in mixture(config.env.id, config.env.options)}
    assert seen.keys() == played & MEASURED.keys()


@pytest.mark.slow  # the teacher's table of patterns takes its time
@pytest.mark.parametrize("name", sorted(preset_names("recipes")))
def test_no_recipe_imitates_a_measured_secret(name: str) -> None:
    config = parse(PretrainConfig, read_preset(name, "recipes"))
    teacher = find_teacher(config)
    for one in getattr(teacher, "teachers", [teacher]):
        game = one.env_id if isinstance(one, PlayedTeacher) else "wordle"
        demonstrations = one.demonstrations(np.random.default_rng(1), 600)
        assert len(demonstrations) == 600
        for demonstration in demonstrations:
            if game not in MEASURED:
                assert not demonstration.secret  # a game for two hides nothing
                continue
            question = demonstration.opening.removeprefix(COMPACT_MARK)
            check_subject(game, question if game == "math" else demonstration.secret)
