"""Math's baselines.

random   a whole number from 0 to 99
pupil    the solver, who writes down the steps in one game of four and else answers at once
solver   reads the question, computes: exact for every generated problem

The solver knows what kinds of questions there are (the texts of `TEMPLATES`), but takes the numbers
from the question alone: that it is always right shows that every question says all it must say. It
has no answer for questions from elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from string import Formatter
from typing import Any

import numpy as np

from wordle_rl.agents.base import Opening, View
from wordle_rl.agents.game_players import GamePlayers, NextMove
from wordle_rl.agents.math_working import working
from wordle_rl.envs.math_answers import answer_text, parse_answer
from wordle_rl.envs.math_expressions import evaluate, parse, parse_once
from wordle_rl.envs.math_problems import TEMPLATES
from wordle_rl.envs.math_templates import Template
from wordle_rl.envs.math_text import CHAT_MARK, COMPACT_MARK

MOST = 99
"""Random answers lie between 0 and this, as most sums of small numbers do."""
WORKING_SHARE = 0.25
"""How often a pupil writes the steps down."""
NO_IDEA = "?"
"""What the solver says to a question it cannot read."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How questions of one template are read."""

    pattern: re.Pattern[str]
    template: Template

    def solve(self, question: str) -> Fraction | None:
        """The answer to a question; None where it is of another template or makes no sense."""
        match = self.pattern.fullmatch(question)
        if match is None:
            return None
        values = {k: int(v) for k, v in match.groupdict().items() if k not in self.template.words}
        try:
            return evaluate(parse(self.template.answer), values)
        except ZeroDivisionError:
            return None


def solve(question: str) -> Fraction | None:
    """The answer to the question of a generated problem, in either style.

    >>> solve("12+7*3"), solve("What is 3/4 of 60?"), solve("Why?")
    (Fraction(33, 1), Fraction(45, 1), None)
    """
    try:
        return evaluate(parse_once(question.removeprefix("What is ").removesuffix("?")))
    except (ArithmeticError, LookupError, ValueError):
        answers = (rule.solve(question) for rule in _rules())
        return next((answer for answer in answers if answer is not None), None)


def question_of(opening: str) -> str:
    r"""The question in a first observation.

    >>> question_of("math 12+7"), question_of("Solve.\nProblem: What is 12 + 7?")
    ('12+7', 'What is 12 + 7?')
    """
    if opening.startswith(COMPACT_MARK):
        return opening.removeprefix(COMPACT_MARK)
    return opening.partition(CHAT_MARK)[2]


def play_solver(opening: Opening) -> NextMove:
    """Says the answer, whatever happens."""
    answer = solve(question_of(opening.observation))
    said = NO_IDEA if answer is None else _written(opening, answer_text(answer))
    return lambda _: said


def play_pupil(opening: Opening) -> NextMove:
    """Says the right answer: by its steps where it writes them down and there are any."""
    steps = working(question_of(opening.observation).removeprefix("What is ").removesuffix("?"))
    answer_at_once = play_solver(opening)
    if not steps or np.random.default_rng(opening.seed).random() >= WORKING_SHARE:
        return answer_at_once
    return lambda view: f"{steps} [{answer_at_once(view).strip('[]')}]"


def play_random(opening: Opening) -> NextMove:
    """Says another number on every turn."""
    rng = np.random.default_rng(opening.seed)

    def move(view: View) -> str:
        return _written(opening, str(int(rng.integers(MOST + 1))))

    return move


def _written(opening: Opening, answer: str) -> str:
    """An answer as the style asks for it: bare, or in brackets."""
    return answer if opening.observation.startswith(COMPACT_MARK) else f"[{answer}]"


@cache
def _rules() -> tuple[Rule, ...]:
    texts = (
        (t, text) for t in TEMPLATES.values() for text in {t.question, t.compact or t.question}
    )
    return tuple(Rule(_pattern(text, template), template) for template, text in texts)


def _pattern(text: str, template: Template) -> re.Pattern[str]:
    """What a format string matches; a name that occurs again must read the same."""
    seen: set[str] = set()
    pieces = []
    for literal, name, _, _ in Formatter().parse(text):
        pieces.append(re.escape(literal))
        if name in seen:
            pieces.append(f"(?P={name})")
        elif name:
            pool = template.words.get(name)
            inside = "-?[0-9]+" if pool is None else "|".join(map(re.escape, pool))
            pieces.append(f"(?P<{name}>{inside})")
            seen.add(name)
    return re.compile("".join(pieces))


def _is_legal(public: Mapping[str, Any], opener: str) -> bool:
    return parse_answer(opener).status == "ok"


MATH_PLAYERS = GamePlayers(
    players={"random": play_random, "pupil": play_pupil, "solver": play_solver},
    is_legal=_is_legal,
)
