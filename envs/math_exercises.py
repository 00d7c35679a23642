"""Exercises of difficulty 1 to 3: sums, fractions, one unknown, per cent and ratio.

Difficulty 1 has two terms of one operation, 2 several terms with precedence and parentheses and
results within 200 of zero, 3 what follows the first two at school.
"""

from __future__ import annotations

from wordle_rl.envs.math_templates import ARITHMETIC, Template, expression, spaced_out

TWO_TERMS = (
    expression("add", "{a}+{b}", difficulty=1, a=(0, 99), b=(0, 99)),
    expression("subtract", "{a}-{b}", difficulty=1, a=(0, 99), b=(0, 99)),
    expression("multiply", "{a}*{b}", difficulty=1, a=(0, 9), b=(0, 99)),
)


def _sum_of_three(name: str, text: str) -> Template:
    return expression(name, text, difficulty=2, a=(1, 66), b=(1, 66), c=(1, 66))


def _product(name: str, text: str) -> Template:
    return expression(name, text, difficulty=2, a=(1, 99), b=(2, 9), c=(2, 11))


def _group(name: str, text: str) -> Template:
    return expression(name, text, difficulty=2, a=(1, 20), b=(1, 20), c=(2, 5))


def _quotient(name: str, text: str, answer: str, **shows: str) -> Template:
    """An exact division: `q` is the hidden quotient, `b` the divisor."""
    return Template(
        name=name,
        difficulty=2,
        numbers={"q": (1, 20), "b": (2, 9), "a": (1, 50)},
        shows=shows,
        question=f"What is {spaced_out(text)}?",
        compact=text,
        answer=answer,
        positive=tuple(shows),
        family=ARITHMETIC,
    )


THREE_TERMS = (
    _sum_of_three("add-add", "{a}+{b}+{c}"),
    _sum_of_three("add-subtract", "{a}+{b}-{c}"),
    _sum_of_three("subtract-add", "{a}-{b}+{c}"),
    _sum_of_three("subtract-subtract", "{a}-{b}-{c}"),
    _product("add-multiply", "{a}+{b}*{c}"),
    _product("multiply-add", "{b}*{c}+{a}"),
    _product("subtract-multiply", "{a}-{b}*{c}"),
    _product("multiply-subtract", "{b}*{c}-{a}"),
    _group("group-multiply", "({a}+{b})*{c}"),
    _group("multiply-group", "{c}*({a}-{b})"),
    Template(
        name="divide",
        difficulty=2,
        numbers={"q": (1, 60), "b": (2, 12)},
        shows={"n": "q*b"},
        question="What is {n} / {b}?",
        compact="{n}/{b}",
        answer="n/b",
        family=ARITHMETIC,
    ),
    _quotient("divide-add", "{n}/{b}+{a}", "n/b+a", n="q*b"),
    _quotient("subtract-divide", "{a}-{n}/{b}", "a-n/b", n="q*b"),
    _quotient("group-divide", "({a}+{n})/{b}", "(a+n)/b", n="q*b-a"),
)


def _fractions(name: str, text: str) -> Template:
    return expression(name, text, difficulty=3, a=(1, 12), b=(2, 12), c=(1, 12), d=(2, 12))


FRACTIONS = (
    _fractions("fraction-add", "{a}/{b}+{c}/{d}"),
    _fractions("fraction-subtract", "{a}/{b}-{c}/{d}"),
    _fractions("fraction-multiply", "{a}/{b}*{c}/{d}"),
    Template(
        name="fraction-of",
        difficulty=3,
        numbers={"a": (1, 11), "b": (2, 12), "m": (1, 40)},
        shows={"n": "b*m"},
        question="What is {a}/{b} of {n}?",
        compact="{a}/{b} of {n}",
        answer="a/b*n",
        positive=("b-a",),
    ),
)

UNKNOWNS = (
    Template(
        name="linear",
        difficulty=3,
        numbers={"a": (2, 12), "x": (-12, 20), "b": (1, 40)},
        shows={"c": "a*x+b"},
        question="Solve {a}x + {b} = {c} for x.",
        compact="{a}x+{b}={c} x?",
        answer="(c-b)/a",
    ),
    Template(
        name="linear-subtract",
        difficulty=3,
        numbers={"a": (2, 12), "x": (-12, 20), "b": (1, 40)},
        shows={"c": "a*x-b"},
        question="Solve {a}x - {b} = {c} for x.",
        compact="{a}x-{b}={c} x?",
        answer="(c+b)/a",
    ),
    Template(
        name="linear-fraction",
        difficulty=3,
        numbers={"a": (2, 12), "b": (1, 30), "c": (1, 40)},
        question="Solve {b} + {a}x = {c} for x.",
        compact="{b}+{a}x={c} x?",
        answer="(c-b)/a",
        family="linear",
    ),
    Template(
        name="linear-two-sides",
        difficulty=3,
        numbers={"c": (2, 9), "k": (1, 9), "x": (-9, 12), "b": (1, 30)},
        shows={"a": "c+k", "d": "k*x+b"},
        question="Solve {a}x + {b} = {c}x + {d} for x.",
        compact="{a}x+{b}={c}x+{d} x?",
        answer="(d-b)/(a-c)",
        positive=("d",),
        held_out=True,
    ),
)

PARTS_OF_A_WHOLE = (
    Template(
        name="percent-of",
        difficulty=3,
        numbers={"k": (1, 30), "m": (1, 150)},
        shows={"p": "5*k", "n": "4*m"},
        question="What is {p}% of {n}?",
        compact="{p}% of {n}",
        answer="p*n/100",
    ),
    Template(
        name="percent-what",
        difficulty=3,
        numbers={"k": (1, 60), "m": (1, 60)},
        shows={"a": "k*m", "n": "50*m"},
        question="What percent of {n} is {a}?",
        compact="{a} is what % of {n}",
        answer="a/n*100",
    ),
    Template(
        name="percent-more",
        difficulty=3,
        numbers={"k": (1, 19), "m": (1, 150)},
        shows={"p": "5*k", "n": "4*m"},
        question="Increase {n} by {p}%. What is the result?",
        compact="{n} plus {p}%",
        answer="n*(100+p)/100",
    ),
    Template(
        name="percent-less",
        difficulty=3,
        numbers={"k": (1, 19), "m": (1, 150)},
        shows={"p": "5*k", "n": "4*m"},
        question="Decrease {n} by {p}%. What is the result?",
        compact="{n} minus {p}%",
        answer="n*(100-p)/100",
        held_out=True,
    ),
    Template(
        name="ratio-equal",
        difficulty=3,
        numbers={"a": (1, 12), "b": (1, 12), "m": (2, 20)},
        shows={"c": "a*m"},
        question="The ratio {a}:{b} equals {c}:x. What is x?",
        compact="{a}:{b}={c}:x x?",
        answer="c/a*b",
    ),
    Template(
        name="ratio-share",
        difficulty=3,
        numbers={"a": (1, 12), "b": (1, 12), "m": (2, 20)},
        shows={"n": "(a+b)*m"},
        question="{n} is divided in the ratio {a}:{b}. What is the first share?",
        compact="{n} as {a}:{b} first?",
        answer="n/(a+b)*a",
        held_out=True,
    ),
)

EXERCISES = (*TWO_TERMS, *THREE_TERMS, *FRACTIONS, *UNKNOWNS, *PARTS_OF_A_WHOLE)
"""Every template of difficulty 1 to 3."""
