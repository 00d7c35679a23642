"""Where questions come from: our own generators, a file of JSON lines, or reasoning-gym.

    generated              `math_problems`, by difficulty
    gsm8k:PATH.jsonl       a line is `{"question": ..., "answer": "... #### 72"}`, as in GSM8K
    reasoning_gym:NAME     a set of the optional package reasoning-gym (`math_reasoning_gym`)

A source draws a question of its split and finds one by its id. Questions from outside are split by
the hash of their text, so equal questions are never on both sides.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from wordle_rl.envs.math_answers import read_number
from wordle_rl.envs.math_problems import Problem, TemplateSet, draw_problem, problem_of
from wordle_rl.envs.math_text import AnswerForm
from wordle_rl.envs.words import Split
from wordle_rl.errors import ConfigError, unknown_name

KINDS = ("generated", "gsm8k:PATH", "reasoning_gym:NAME")
MAX_QUESTION = 8_000
"""Most characters of a question, so that it fits in an observation with all that is said to it."""


class Parsed(Protocol):
    """What was understood of an action."""

    @property
    def status(self) -> str:
        """`ok`, or why it is refused."""
        ...

    @property
    def text(self) -> str:
        """The answer in its usual form; empty where there is none."""
        ...


class Puzzle(Protocol):
    """A question that can be asked and judged; `Problem` is one."""

    @property
    def id(self) -> str:
        """Names the question for `Source.find`."""
        ...

    @property
    def question(self) -> str:
        """Plain English."""
        ...

    @property
    def compact(self) -> str:
        """The same, short where it can be."""
        ...

    @property
    def answer(self) -> Fraction | None:
        """The answer where it is a number that can be compared."""
        ...

    @property
    def answer_text(self) -> str:
        """The answer as it is told at the end."""
        ...

    def read(self, action: str) -> Parsed:
        """What an action says the answer is; total."""
        ...

    def is_solved_by(self, answer: str) -> bool:
        """Whether what was understood is right."""
        ...


class Source(Protocol):
    """Where questions come from. It never changes, so forks of a game share it."""

    @property
    def form(self) -> AnswerForm:
        """What the answers are."""
        ...

    def draw(self, rng: np.random.Generator) -> Puzzle:
        """A random question of the split."""
        ...

    def find(self, puzzle_id: Any) -> Puzzle:
        """The question of an id, in any split. Raises ConfigError where there is none."""
        ...


class Shared:
    """What is shared by deep copies, for it never changes."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return self


class GeneratedSource(Shared):
    """Problems of `math_problems`."""

    form: AnswerForm = "number"

    def __init__(self, difficulty: Sequence[int], split: Split, templates: TemplateSet) -> None:
        self._difficulty = tuple(difficulty)
        self._split: Split = split
        self._templates: TemplateSet = templates

    def draw(self, rng: np.random.Generator) -> Problem:
        """A random problem, uniform over the difficulties and their templates."""
        return draw_problem(rng, self._difficulty, self._split, self._templates)

    def find(self, puzzle_id: Any) -> Problem:
        """The problem of an id such as `1:add:12,7`."""
        return problem_of(puzzle_id)


class FileSource(Shared):
    """The questions of a file in the form of GSM8K.

    Raises:
        ConfigError: the file cannot be read, a line is wrong (the message names it), or the split
            is empty.
    """

    form: AnswerForm = "number"

    def __init__(self, path: Path, split: Split) -> None:
        self._path = path
        problems = read_problems(path)
        self._all = {problem.id: problem for problem in problems}
        self._drawn = tuple(p for p in problems if split in ("all", p.split))
        if not self._drawn:
            raise ConfigError(
                f"{path}: none of its {len(problems)} questions is in split {split!r}"
            )

    def draw(self, rng: np.random.Generator) -> Problem:
        """A random question of the split."""
        return self._drawn[int(rng.integers(len(self._drawn)))]

    def find(self, puzzle_id: Any) -> Problem:
        """The question of a line, by `gsm8k:LINE`; lines count from 1."""
        if puzzle_id not in self._all:
            raise ConfigError(f"{puzzle_id!r} is not a question of {self._path}: write gsm8k:LINE")
        return self._all[puzzle_id]


def open_source(
    source: str, *, difficulty: Sequence[int], split: Split, templates: TemplateSet
) -> Source:
    """The source of a name; `difficulty` and `templates` are for generated problems alone.

    Raises:
        ConfigError: there is no such source, or it cannot be opened.
    """
    kind, colon, name = source.partition(":")
    if kind == "gsm8k" and name:
        return FileSource(Path(name).expanduser(), split)
    if kind == "reasoning_gym" and name:
        from wordle_rl.envs.math_reasoning_gym import ReasoningGymSource

        return ReasoningGymSource(name, split)
    if kind != "generated" or colon:
        raise unknown_name("source", source, KINDS)
    return GeneratedSource(difficulty, split, templates)


def read_problems(path: Path) -> tuple[Problem, ...]:
    """The questions of a file of JSON lines; blank lines are skipped.

    Raises:
        ConfigError: the file cannot be read, or a line is no question; the message names the line.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not a text file in UTF-8: save it as one") from None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ConfigError(f"{path}: cannot be read ({reason}): check the path") from None
    numbered = [(line, text) for line, text in enumerate(lines, start=1) if text.strip()]
    problems = tuple(_problem(text, line, f"{path}:{line}") for line, text in numbered)
    if not problems:
        raise ConfigError(f"{path}: no questions in it: write one JSON object a line")
    return problems


class _Row(NamedTuple):
    question: str
    answer: str


def _problem(text: str, line: int, where: str) -> Problem:
    row = _row(text, where)
    gold = read_number(row.answer.rpartition("####")[2])
    if gold.status != "ok":
        raise ConfigError(f"{where}: the answer has to end with '#### NUMBER', not {row.answer!r}")
    question = printable(row.question)
    if not 0 < len(question) <= MAX_QUESTION:
        raise ConfigError(f"{where}: a question has 1 to {MAX_QUESTION} characters")
    return Problem(
        id=f"gsm8k:{line}",
        template="gsm8k",
        difficulty=0,
        numbers=(line,),
        question=question,
        compact=question,
        answer=Fraction(gold.text),
        key=f"gsm8k:{' '.join(row.question.split())}",
    )


def _row(text: str, where: str) -> _Row:
    try:
        row = json.loads(text)
    except (ValueError, RecursionError):
        raise ConfigError(f"{where}: not a JSON object: write one a line") from None
    fields = row if isinstance(row, dict) else {}
    return _Row(*(_text_under(key, fields, where) for key in _Row._fields))


def _text_under(key: str, fields: Mapping[str, Any], where: str) -> str:
    value = fields.get(key)
    if not isinstance(value, str):
        raise ConfigError(f"{where}: no text under {key!r}")
    return value


_ASCII = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u02bc", "'"),
        **dict.fromkeys("\u201c\u201d", '"'),
        **dict.fromkeys("\u2212\u2010\u2011\u2012\u2013\u2014", "-"),
        "\u00d7": "*",
        "\u00f7": "/",
        "\u2044": "/",
        "\u00a3": "GBP ",
        "\u20ac": "EUR ",
        "\t": "    ",
    }
)


def printable(text: str) -> str:
    r"""A text in the characters of an observation: printable ASCII and newlines.

    What has an ASCII form gets it; other characters become Python's escapes.

    >>> printable("caf\u00e9: 3 \u00d7 \u00bd \u2248 \u201ctwo\u201d")
    'cafe: 3 * 1/2 \\u2248 "two"'
    """
    plain = unicodedata.normalize("NFKD", text.strip().translate(_ASCII)).translate(_ASCII)
    bare = "".join(c for c in plain if not unicodedata.combining(c))
    escaped = bare.replace("\r\n", "\n").encode("ascii", "backslashreplace").decode()
    return "".join(c if c == "\n" or c.isprintable() else " " for c in escaped)
