"""Problems of every difficulty: drawn by a generator, found by an id, split without overlap.

A problem's split is that of its `key` (`words.split_of`), in which the order of what is added or
multiplied does not count, so no training problem is a validation or test problem in other words.
Some templates of difficulty 3 to 5 are held out as well: `templates="train"` never draws them.

Different exercises, by key: 16,005 of difficulty 1 and more than 350,000, 120,000, 190,000 and
70,000,000 of difficulty 2 to 5 (`tests/test_math_problems.py` counts them).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache
from typing import Literal, get_args

import numpy as np

from wordle_rl.envs.arguments import check_choice, check_range
from wordle_rl.envs.math_exercises import EXERCISES
from wordle_rl.envs.math_templates import Problem, Template, check_numbers
from wordle_rl.envs.math_words import WORD_PROBLEMS
from wordle_rl.envs.words import Split
from wordle_rl.errors import ConfigError, unknown_name
from wordle_rl.seeding import generator

__all__ = [
    "DIFFICULTIES",
    "HELD_OUT",
    "TEMPLATES",
    "Problem",
    "TemplateSet",
    "check_difficulty",
    "default_templates",
    "draw_problem",
    "problem_ids",
    "problem_of",
    "templates_of",
]

TemplateSet = Literal["all", "train", "held-out"]
"""All templates, those that may be trained on, or those that may not."""

TEMPLATES: dict[str, Template] = {
    template.name: template for template in (*EXERCISES, *WORD_PROBLEMS)
}
"""Name -> template, the easiest first."""
DIFFICULTIES = range(1, 6)
HELD_OUT = tuple(name for name, template in TEMPLATES.items() if template.held_out)
"""The templates that `templates="train"` never draws."""

MAX_DRAWS = 10_000
"""Draws before a split of a template is given up; each has some problems of all three."""
MAX_MISSES = 1_000
"""Draws without a new exercise before a list of different ones is given up."""


def check_difficulty(difficulty: int | Collection[int]) -> tuple[int, ...]:
    """Difficulties in order, without duplicates.

    Raises:
        ConfigError: there is none, or one is not 1 to 5.

    >>> check_difficulty(3), check_difficulty(range(1, 4))
    ((3,), (1, 2, 3))
    """
    chosen = [difficulty] if isinstance(difficulty, int | str) else list(difficulty)
    for level in chosen:
        check_range("difficulty", level, DIFFICULTIES[0], DIFFICULTIES[-1])
    if not chosen:
        raise ConfigError("difficulty () is empty: give at least one of 1 to 5")
    return tuple(sorted(set(chosen)))


def default_templates(split: Split) -> TemplateSet:
    """The templates that fit a split: those held out are for the final test alone.

    Validation chooses settings and checkpoints, so it may not see them either.

    Raises:
        ConfigError: there is no such split.
    """
    check_choice("split", split, get_args(Split))
    return "train" if split in ("train", "val") else "all"


@cache
def templates_of(difficulty: int, templates: TemplateSet = "all") -> tuple[Template, ...]:
    """The templates of one difficulty.

    Raises:
        ConfigError: there is none; difficulties 1 and 2 hold no template out.
    """
    check_choice("templates", templates, get_args(TemplateSet))
    wanted = {"all": (False, True), "train": (False,), "held-out": (True,)}[templates]
    found = tuple(
        template
        for template in TEMPLATES.values()
        if template.difficulty == difficulty and template.held_out in wanted
    )
    if not found:
        raise ConfigError(
            f"no templates {templates!r} of difficulty {difficulty!r}: "
            "templates are held out of difficulty 3, 4 and 5"
        )
    return found


def draw_problem(
    rng: np.random.Generator,
    difficulty: Sequence[int],
    split: Split = "all",
    templates: TemplateSet | None = None,
) -> Problem:
    """A random problem: uniform over the difficulties, then over their templates, then the numbers.

    Raises:
        ConfigError: there is no such split or no such template.
    """
    level = difficulty[int(rng.integers(len(difficulty)))]
    pool = templates_of(level, templates or default_templates(split))
    template = pool[int(rng.integers(len(pool)))]
    for _ in range(MAX_DRAWS):
        problem = template.make(template.draw(rng))
        if problem is not None and split in ("all", problem.split):
            return problem
    raise ConfigError(f"no problem of template {template.name!r} was found in split {split!r}")


def problem_of(problem_id: str) -> Problem:
    """The problem of an id.

    Raises:
        ConfigError: it has not the form `difficulty:template:numbers`, there is no such template,
            or the numbers are not ones that it can have.

    >>> problem_of("1:add:12,7").question
    'What is 12 + 7?'
    """
    form = "write difficulty:template:numbers, for example '1:add:12,7'"
    parts = problem_id.strip().split(":") if isinstance(problem_id, str) else []
    if len(parts) != 3:
        raise ConfigError(f"{problem_id!r} is not the id of a problem: {form}")
    difficulty, name, listed = parts
    if name not in TEMPLATES:
        raise unknown_name("template", name, TEMPLATES)
    template = TEMPLATES[name]
    if difficulty != str(template.difficulty):
        raise ConfigError(
            f"problem {problem_id!r}: {name} has difficulty {template.difficulty}, not {difficulty}"
        )
    numbers = [_number(text, problem_id) for text in listed.split(",")]
    check_numbers(template, numbers, problem_id)
    problem = template.make(numbers)
    if problem is None:
        raise ConfigError(f"problem {problem_id!r}: these numbers make no sense of {name}")
    return problem


def problem_ids(
    difficulty: int | Collection[int],
    split: Split,
    n: int,
    seed: int = 0,
    templates: TemplateSet | None = None,
) -> tuple[str, ...]:
    """The ids of `n` different exercises, the same on every machine.

    `templates` is by default what fits the split (`default_templates`).

    Raises:
        ConfigError: `n` is not positive, or there are not so many.

    >>> len(problem_ids(1, "test", 500))
    500
    """
    check_range("n", n, 1, 1_000_000)
    levels = check_difficulty(difficulty)
    chosen = templates or default_templates(split)
    rng = generator("math problems", ",".join(map(str, levels)), split, chosen, seed)
    found: dict[str, str] = {}
    misses = 0
    while misses < MAX_MISSES:
        problem = draw_problem(rng, levels, split, chosen)
        misses = misses + 1 if problem.key in found else 0
        found.setdefault(problem.key, problem.id)
        if len(found) == n:
            return tuple(found.values())
    raise ConfigError(
        f"only {len(found)} problems of difficulty {difficulty!r} were found in split {split!r}, "
        f"not {n}"
    )


def _number(text: str, problem_id: str) -> int:
    digits = text.strip().removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 10):
        raise ConfigError(f"problem {problem_id!r}: {text!r} is no whole number")
    return int(text)
