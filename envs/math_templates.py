"""`Template`: a kind of exercise as plain data. Numbers in, a `Problem` out.

A template names its numbers with their ranges, how the question reads, and an expression of what
the question shows that is the answer. So one table makes the questions, the answers, the ids, the
splits, and (read backwards) a solver's rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import product
from math import prod

import numpy as np

from wordle_rl.envs.math_answers import ParsedAnswer, answer_text, parse_answer
from wordle_rl.envs.math_expressions import canonical, evaluate, parse
from wordle_rl.envs.words import split_of
from wordle_rl.errors import ConfigError

ARITHMETIC = "arithmetic"
"""The family of all templates whose question is one expression."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One question with an exact answer."""

    id: str
    """`difficulty:template:numbers`, for example `1:add:12,7`; another source has its own form."""
    template: str
    difficulty: int
    numbers: tuple[int, ...]
    """What the template was filled with: its numbers, then the places of its words."""
    question: str
    """Plain English."""
    compact: str
    """The same, short."""
    answer: Fraction
    key: str
    """Equal for problems that are one exercise, such as 3+5 and 5+3. Decides the split."""

    @property
    def split(self) -> str:
        """`train`, `val` or `test`."""
        return split_of(self.key)

    @property
    def answer_text(self) -> str:
        """The answer in its usual form, such as `17` or `-3/4`; what imitation learns to say."""
        return answer_text(self.answer)

    def read(self, action: str) -> ParsedAnswer:
        """What an action says the answer is."""
        return parse_answer(action)

    def is_solved_by(self, answer: str) -> bool:
        """Whether an answer in its usual form is the right one."""
        return answer == self.answer_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A kind of problem.

    Texts are format strings and `shows`, `answer`, `positive` are expressions
    (`math_expressions`), all of the names in `numbers`, `words` and `shows`.
    """

    name: str
    difficulty: int
    numbers: Mapping[str, tuple[int, int]]
    """Name -> least and greatest value."""
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Name -> the words that may stand there. They do not change the exercise."""
    shows: Mapping[str, str] = field(default_factory=dict)
    """Further names whose values, whole by necessity, follow from the numbers."""
    question: str
    compact: str = ""
    """Short form; by default the question itself."""
    answer: str
    """An expression of what the question shows; the numbers that it hides do not occur in it."""
    positive: tuple[str, ...] = ()
    """What must be above zero."""
    family: str = ""
    """Templates of one family share their exercises; by default a template is its own family."""
    held_out: bool = False
    """Never drawn with `templates="train"`."""

    def make(self, numbers: Sequence[int]) -> Problem | None:
        """The problem with these numbers, in the order of `slots`; None where they do not fit.

        >>> from wordle_rl.envs.math_problems import TEMPLATES
        >>> TEMPLATES["linear"].make([3, 5, 4]).compact
        '3x+4=19 x?'
        """
        shown = self._shown(numbers)
        if shown is None:
            return None
        words = {name: pool[i] for (name, pool), i in self._words_of(numbers)}
        texts = {**shown, **words}
        return Problem(
            id=f"{self.difficulty}:{self.name}:{','.join(map(str, numbers))}",
            template=self.name,
            difficulty=self.difficulty,
            numbers=tuple(numbers),
            question=self.question.format(**texts),
            compact=(self.compact or self.question).format(**texts),
            answer=evaluate(parse(self.answer), shown),
            key=f"{self.family or self.name}:{canonical(parse(self.answer), shown)}",
        )

    @property
    def slots(self) -> tuple[range, ...]:
        """The values that each entry of `Problem.numbers` may have."""
        numbers = (range(low, high + 1) for low, high in self.numbers.values())
        return *numbers, *(range(len(pool)) for pool in self.words.values())

    def draw(self, rng: np.random.Generator) -> tuple[int, ...]:
        """Numbers within their ranges; they may not fit together."""
        return tuple(int(rng.integers(slot.start, slot.stop)) for slot in self.slots)

    def instances(self) -> Iterator[Problem]:
        """Every problem there is, with the first of the words."""
        ranges = self.slots[: len(self.numbers)]
        for numbers in product(*ranges):
            problem = self.make((*numbers, *[0] * len(self.words)))
            if problem is not None:
                yield problem

    @property
    def size(self) -> int:
        """How many ways there are to fill the numbers, those that do not fit included."""
        return prod(len(slot) for slot in self.slots[: len(self.numbers)])

    def _shown(self, numbers: Sequence[int]) -> dict[str, int] | None:
        """The values of all names, or None where one is not whole or not positive."""
        values = dict(zip(self.numbers, numbers, strict=False))
        for name, expression in self.shows.items():
            value = evaluate(parse(expression), values)
            if value.denominator != 1:
                return None
            values[name] = int(value)
        is_fine = all(evaluate(parse(text), values) > 0 for text in self.positive)
        return values if is_fine else None

    def _words_of(
        self, numbers: Sequence[int]
    ) -> Iterator[tuple[tuple[str, tuple[str, ...]], int]]:
        return zip(self.words.items(), numbers[len(self.numbers) :], strict=True)


def expression(name: str, text: str, *, difficulty: int, **slots: tuple[int, int]) -> Template:
    """A template whose question is an expression of numbers, such as `{a}+{b}*{c}`."""
    return Template(
        name=name,
        difficulty=difficulty,
        numbers=slots,
        question=f"What is {spaced_out(text)}?",
        compact=text,
        answer=text.translate(str.maketrans("", "", "{}")),
        family=ARITHMETIC,
    )


def spaced_out(text: str) -> str:
    """An expression with spaces around its signs.

    >>> spaced_out("{a}+{b}*{c}")
    '{a} + {b} * {c}'
    """
    return "".join(f" {c} " if c in "+-*/" else c for c in text)


def check_numbers(template: Template, numbers: Sequence[int], problem_id: str) -> None:
    """Raise ConfigError for numbers that are too few, too many or out of range."""
    slots = template.slots
    if len(numbers) != len(slots):
        raise ConfigError(
            f"problem {problem_id!r}: {template.name} takes {len(slots)} numbers, "
            f"not {len(numbers)}"
        )
    for number, slot in zip(numbers, slots, strict=True):
        if number not in slot:
            raise ConfigError(
                f"problem {problem_id!r}: {number} is not from {slot.start} to {slot.stop - 1}"
            )
