"""Questions of the optional package reasoning-gym: procedural sets of many kinds, all offline.

Its sets score answers themselves, some with part of a point for a wrong answer and some by raising
an error. Here an answer is right or wrong: only a score of 1 is right, and an error is wrong. Some
sets hand the answer to sympy, which computes what it is told to; so calls, towers of powers and
factorials are refused before (`is_harmless`).
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

from wordle_rl.envs.base import MAX_ACTION
from wordle_rl.envs.math_answers import marked_answer
from wordle_rl.envs.math_sources import MAX_QUESTION, Shared, printable
from wordle_rl.envs.math_text import AnswerForm
from wordle_rl.envs.parsing import visible_text
from wordle_rl.envs.words import Split, split_of
from wordle_rl.errors import ConfigError, unknown_name

SIZE = 10_000
"""Questions of a set that are drawn from; each is made from its number when it is asked."""
MAX_DRAWS = 1_000
MAX_TEXT = 400
"""Most characters of an answer."""
FAILURES = (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError)
"""With ValueError and SyntaxError, what a set may raise for an answer that it does not expect."""

_CALL = re.compile(r"([A-Za-z_][A-Za-z_0-9.]*)\s*\(")
_FUNCTIONS = frozenset({"sin", "cos", "tan", "exp", "log", "ln", "sqrt", "asin", "acos", "atan"})
_POWER = re.compile(r"\*\*\s*(?!\(?-?[0-9]{1,2}\)?(?![0-9.*]|\s*\*\*))")
_FACTORIAL = re.compile(r"[0-9)\]!]\s*!")


class GymAnswer(NamedTuple):
    """What was understood: `ok`, `no_answer`, `bad_length` or `bad_text`, and the text if `ok`."""

    status: str
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GymPuzzle:
    """One question of a set."""

    dataset: str
    number: int
    question: str
    gold: str | None
    """An answer in ASCII; None in sets that only check answers, because many are right."""
    answer: Fraction | None = None
    """Never known: answers are texts that the set itself compares."""

    @property
    def id(self) -> str:
        """`leg_counting:17`."""
        return f"{self.dataset}:{self.number}"

    @property
    def answer_text(self) -> str:
        """What is told at the end."""
        return "(several are right)" if self.gold is None else self.gold

    @property
    def compact(self) -> str:
        """The question itself."""
        return self.question

    def read(self, action: str) -> GymAnswer:
        """The text between marks, or else all that is said, if it is one line."""
        spoken = visible_text(action)[-MAX_ACTION:]
        marked = marked_answer(spoken)
        text = (spoken if marked is None else marked).strip()
        if not text or (marked is None and "\n" in text):
            return GymAnswer("no_answer")
        said = printable(text)
        if len(said) > max(MAX_TEXT, len(self.gold or "")):
            return GymAnswer("bad_length")
        is_fine = said == self.gold or is_harmless(said)
        return GymAnswer("ok", said) if is_fine else GymAnswer("bad_text")

    def is_solved_by(self, answer: str) -> bool:
        """Whether the answer is the set's own, or the set gives it a full point."""
        return answer == self.gold or _score(self.dataset, self.number, answer) == 1.0


class ReasoningGymSource(Shared):
    """A set of reasoning-gym by its name.

    Raises:
        ConfigError: the package is not installed, or it has no such set.
    """

    form: AnswerForm = "text"

    def __init__(self, name: str, split: Split) -> None:
        _dataset(name)
        self._name = name
        self._split: Split = split

    def draw(self, rng: np.random.Generator) -> GymPuzzle:
        """A random question of the split that fits in an observation."""
        for _ in range(MAX_DRAWS):
            number = int(rng.integers(SIZE))
            puzzle = _puzzle(self._name, number)
            if puzzle is None:
                continue
            split = split_of(f"reasoning_gym:{self._name}:{puzzle.question}")
            if self._split in ("all", split):
                return puzzle
        raise ConfigError(f"no question of {self._name!r} was found in split {self._split!r}")

    def find(self, puzzle_id: Any) -> GymPuzzle:
        """The question of an id: the name of the set, a colon, and a number."""
        name, _, text = str(puzzle_id).partition(":")
        is_number = text.isascii() and text.isdigit() and len(text) < 10
        puzzle = _puzzle(name, int(text)) if name == self._name and is_number else None
        if puzzle is None or int(text) >= SIZE:
            raise ConfigError(
                f"{puzzle_id!r} is not a question of {self._name}: write {self._name}:NUMBER"
            )
        return puzzle


def is_harmless(text: str) -> bool:
    """Whether a text can be handed to a set that may compute what it says.

    >>> [is_harmless(text) for text in ("x**2/2 + C", "sin(x)", "Hello!", "7 / 2")]
    [True, True, True, True]
    >>> [is_harmless(t) for t in ("9**9**9", "2**999", "(9**9)**9", "99999!", "prime(9)", "a.__b")]
    [False, False, False, False, False, False]
    """
    calls = set(_CALL.findall(text))
    is_tame = not (_POWER.search(text) or _FACTORIAL.search(text) or ")**" in text.replace(" ", ""))
    return is_tame and calls <= _FUNCTIONS and "__" not in text


@cache
def _dataset(name: str) -> Any:
    try:
        package = import_module("reasoning_gym")
    except ImportError:
        raise ConfigError(
            f"source 'reasoning_gym:{name}' needs the package reasoning-gym: "
            "pip install 'wordle-rl[reasoning-gym]'"
        ) from None
    known = import_module("reasoning_gym.factory").DATASETS
    if name not in known:
        raise unknown_name("set of reasoning-gym", name, known)
    with _own_randomness(0):
        try:
            return package.create_dataset(name, seed=0, size=SIZE)
        except (*FAILURES, ValueError) as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise ConfigError(f"reasoning-gym cannot make its set {name!r}: {reason}") from None


def _puzzle(name: str, number: int) -> GymPuzzle | None:
    """A question; None where it cannot be made or is too long for an observation."""
    entry = _entry(name, number)
    question = printable(str(entry["question"])) if entry else ""
    if not 0 < len(question) <= MAX_QUESTION or len(str(entry["answer"])) > MAX_ACTION // 2:
        return None
    gold = None if entry["answer"] is None else printable(str(entry["answer"]))
    return GymPuzzle(dataset=name, number=number, question=question, gold=gold)


def _entry(name: str, number: int) -> dict[str, Any]:
    """What the set holds under a number; empty where it fails to make it."""
    with _own_randomness(number):
        try:
            return dict(_dataset(name)[number])
        except (*FAILURES, ValueError):
            return {}


def _score(name: str, number: int, answer: str) -> float:
    entry = _entry(name, number)
    with _own_randomness(number):
        try:
            return float(_dataset(name).score_answer(answer=answer, entry=entry))
        except (*FAILURES, SyntaxError, ValueError):
            return 0.0


@contextmanager
def _own_randomness(seed: int) -> Iterator[None]:
    """Seed the global generators, which some sets use, and leave them as they were."""
    python, arrays = random.getstate(), np.random.get_state()
    random.seed(seed)
    np.random.seed(seed)
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(arrays)
