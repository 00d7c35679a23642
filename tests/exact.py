"""The value of an expression by Python's own grammar: a second opinion on our parser."""

import ast
from fractions import Fraction


def exact(text: str) -> Fraction:
    """The value by Python's grammar, with exact division."""

    def value(node: ast.expr) -> Fraction:
        match node:
            case ast.Constant(value=int(number)):
                return Fraction(number)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -value(operand)
            case ast.BinOp(left=left, op=op, right=right):
                a, b = value(left), value(right)
                return {
                    ast.Add: lambda: a + b,
                    ast.Sub: lambda: a - b,
                    ast.Mult: lambda: a * b,
                    ast.Div: lambda: a / b,
                }[type(op)]()
        raise AssertionError(ast.dump(node))

    return value(ast.parse(text.replace(" ", ""), mode="eval").body)
