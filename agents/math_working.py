"""Sums worked out in small steps, as they are taught at school: text in, text out.

Every step is a fact one can know by heart or a sum with one round number: `6*68` becomes
`6*60=360 6*8=48 360+48=408`. For expressions of whole numbers; `working` has nothing to say on
anything else.
"""

from __future__ import annotations

from collections.abc import Iterator

from wordle_rl.envs.math_expressions import Tree, parse_once

ROUND = 10


def working(question: str) -> str:
    """The steps to the value of an expression, between blanks; empty where there are none.

    >>> working("54-6*5"), working("12+79"), working("627/11")
    ('6*5=30 54-30=24', '12+70=82 82+9=91', '11*50=550 627-550=77 77/11=7 50+7=57')
    >>> working("7"), working("1/3+1/4"), working("Why?")
    ('', '', '')
    """
    try:
        steps = list(_steps(parse_once(question)))
    except (ArithmeticError, ValueError):
        return ""
    return " ".join(step for step, _ in steps[:-1])


def _steps(tree: Tree) -> Iterator[tuple[str, int]]:
    """Steps with their results; what comes last is the value, without a step.

    Raises:
        ArithmeticError: a quotient is not whole.
        ValueError: there is a name in it.
    """
    if isinstance(tree, str):
        raise ValueError(f"{tree!r} is no number")
    if isinstance(tree, int):
        yield "", tree
        return
    *before, (_, left) = _steps(tree.left)
    *between, (_, right) = _steps(tree.right)
    steps = [*before, *between, *_operation(tree.sign, left, right)]
    yield from steps
    yield "", steps[-1][1]


def _operation(sign: str, a: int, b: int) -> list[tuple[str, int]]:
    """One operation on two numbers, in steps."""
    if sign == "*":
        return _product(a, b)
    return _quotient(a, b) if sign == "/" else _sum(sign, a, b)


def _sum(sign: str, a: int, b: int) -> list[tuple[str, int]]:
    """The tens of the second number first, then its ones."""
    ones = abs(b) % ROUND
    if min(abs(a), abs(b)) < ROUND or not ones or b < 0:
        return [_fact(sign, a, b)]
    tens = _fact(sign, a, b - ones)
    return [tens, _fact(sign, tens[1], ones)]


def _product(a: int, b: int) -> list[tuple[str, int]]:
    """The larger number's tens and ones one by one, then their sum."""
    small, large = sorted((a, b), key=abs)
    ones = abs(large) % ROUND
    if abs(large) < ROUND or not ones or abs(small) < 2 or large < 0:
        return [_fact("*", a, b)]
    tens, rest = _fact("*", small, large - ones), _fact("*", small, ones)
    return [tens, rest, _fact("+", tens[1], rest[1])]


def _quotient(a: int, b: int) -> list[tuple[str, int]]:
    """The tens of the quotient, then what is left over."""
    whole, left = divmod(a, b)
    if left:
        raise ArithmeticError(f"{a}/{b} is not whole")
    ones = abs(whole) % ROUND
    if abs(whole) < ROUND or not ones or whole < 0:
        return [_fact("/", a, b)]
    tens = _fact("*", b, whole - ones)
    rest = _fact("-", a, tens[1])
    return [tens, rest, _fact("/", rest[1], b), _fact("+", whole - ones, ones)]


def _fact(sign: str, a: int, b: int) -> tuple[str, int]:
    value = {"+": a + b, "-": a - b, "*": a * b, "/": a // b if sign == "/" else 0}[sign]
    return f"{a}{sign}{b}={value}", value
