"""Arithmetic as text: a parser of a few lines, exact values, and a form that ignores order.

    expression = product (("+" | "-") product)*
    product    = unary (("*" | "/") unary)*
    unary      = "-" unary | number | name | "(" expression ")"

Numbers are whole and without sign, names are lower-case words whose values are given. Nothing is
ever handed to Python's own `eval`. Values are exact: integers and `Fraction`s.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

Number = int | Fraction
Values = Mapping[str, int]

MAX_DEPTH = 50
"""Most parentheses and signs inside each other."""

_TOKEN = re.compile(r"[0-9]+|[a-z_]+|[-+*/()]")
_INVERSE = {"+": "-", "-": "+", "*": "/", "/": "*"}


@dataclass(frozen=True, slots=True)
class Operation:
    """Two expressions joined by `+`, `-`, `*` or `/`."""

    sign: str
    left: Tree
    right: Tree


Tree = int | str | Operation
"""A number, a name, or an operation on trees."""


@cache
def parse(text: str) -> Tree:
    """The tree of an expression; it is remembered, for templates ask for the same few.

    Raises:
        ValueError: the text is no expression.

    >>> parse("1+2*x")
    Operation(sign='+', left=1, right=Operation(sign='*', left=2, right='x'))
    """
    return parse_once(text)


def parse_once(text: str) -> Tree:
    """`parse` without remembering, for texts that come once. Raises ValueError like it."""
    tokens = _TOKEN.findall(text)
    if "".join(tokens) != text.replace(" ", ""):
        raise ValueError(f"{text!r} is no expression")
    reader = _Reader(text, tokens)
    tree = reader.sum()
    if reader.next is not None:
        raise ValueError(f"{text!r} is no expression: {reader.next!r} is left over")
    return tree


class _Reader:
    """Recursive descent over tokens."""

    def __init__(self, text: str, tokens: list[str]) -> None:
        self._text = text
        self._tokens: Iterator[str] = iter(tokens)
        self._depth = 0
        self.next: str | None = next(self._tokens, None)

    def sum(self) -> Tree:
        left = self._product()
        while self.next in ("+", "-"):
            left = Operation(self._take(), left, self._product())
        return left

    def _product(self) -> Tree:
        left = self._unary()
        while self.next in ("*", "/"):
            left = Operation(self._take(), left, self._unary())
        return left

    def _unary(self) -> Tree:
        if self.next == "-":
            self._take()
            return Operation("-", 0, self._nested(self._unary))
        if self.next == "(":
            self._take()
            inside = self._nested(self.sum)
            if self.next != ")":
                raise ValueError(f"{self._text!r} is no expression: a parenthesis is not closed")
            self._take()
            return inside
        if self.next is None or not self.next[0].isalnum():
            raise ValueError(f"{self._text!r} is no expression: {self.next!r} is no number")
        token = self._take()
        return int(token) if token.isdigit() else token

    def _nested(self, read: Callable[[], Tree]) -> Tree:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ValueError(f"{self._text[:40]!r}... is nested too deeply")
        tree = read()
        self._depth -= 1
        return tree

    def _take(self) -> str:
        token = self.next
        assert token is not None
        self.next = next(self._tokens, None)
        return token


def evaluate(tree: Tree, values: Values | None = None) -> Fraction:
    """The exact value of an expression.

    Raises:
        KeyError: a name has no value.
        ZeroDivisionError: something is divided by zero.

    >>> evaluate(parse("(a-1)/6"), {"a": 5})
    Fraction(2, 3)
    """
    return Fraction(_value(tree, values or {}))


def _value(tree: Tree, values: Values) -> Number:
    if isinstance(tree, int):
        return tree
    if isinstance(tree, str):
        return values[tree]
    left, right = _value(tree.left, values), _value(tree.right, values)
    if tree.sign == "+":
        return left + right
    if tree.sign == "-":
        return left - right
    return left * right if tree.sign == "*" else Fraction(left) / right


def canonical(tree: Tree, values: Values | None = None) -> str:
    """The expression with values for names, without parentheses where order does not matter.

    Two expressions have one canonical form if they differ only in the order of what is added or
    multiplied, so that `3+5` and `5+3` are known as the same exercise.

    >>> canonical(parse("5+3")), canonical(parse("a-(2-b)"), {"a": 3, "b": 5})
    ('+3+5', '+3+5-2')
    >>> canonical(parse("4*(2+1)/3"))
    '*(+1+2)*4/3'
    """
    known = values or {}
    if not isinstance(tree, Operation):
        return str(_value(tree, known))
    return "".join(sorted(_parts(tree, tree.sign in "*/", known)))


def _parts(tree: Tree, is_product: bool, values: Values) -> Iterator[str]:
    """What is added (or multiplied) in all, each with its sign."""
    signs = "*/" if is_product else "+-"
    if not isinstance(tree, Operation) or tree.sign not in signs:
        inside = canonical(tree, values)
        yield signs[0] + (f"({inside})" if isinstance(tree, Operation) else inside)
        return
    yield from _parts(tree.left, is_product, values)
    for part in _parts(tree.right, is_product, values):
        yield (_INVERSE[part[0]] if tree.sign == signs[1] else part[0]) + part[1:]
