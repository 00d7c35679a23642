"""Expressions: values against Python's own, forms that ignore order, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.exact import exact
from wordle_rl.envs.math_expressions import canonical, evaluate, parse, parse_once

numbers = st.integers(0, 99).map(str)
expressions = st.recursive(
    numbers,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*/"), inner).map("".join),
        inner.map(lambda text: f"({text})"),
        inner.map(lambda text: f"-{text}"),
    ),
    max_leaves=8,
)


@given(expressions)
def test_values_are_pythons(text: str) -> None:
    plain = "".join(str(int(t)) if t.isdigit() else t for t in parts(text))
    try:
        expected = exact(plain)
    except ZeroDivisionError:
        with pytest.raises(ZeroDivisionError):
            evaluate(parse_once(plain))
        return
    assert evaluate(parse_once(plain)) == expected


def parts(text: str) -> list[str]:
    """Digits together, all else one by one; Python refuses leading zeros."""
    for sign in "+-*/()":
        text = text.replace(sign, f" {sign} ")
    return text.split()


@given(expressions)
def test_a_form_determines_the_value(text: str) -> None:
    """The canonical form, read as an expression again, has the same value."""
    tree = parse_once(text)
    form = canonical(tree)
    try:
        value = evaluate(tree)
    except ZeroDivisionError:
        return
    assert exact(with_starts(form)) == value


def with_starts(form: str) -> str:
    """`+3+5` as `0+3+5` and `*3/4` as `1*3/4`, so that Python can read a form."""
    for start in ("", "("):
        if not start:
            form = {"+": "0", "-": "0", "*": "1", "/": "1"}.get(form[0], "") + form
        else:
            for sign, zero in (("+", "0"), ("-", "0"), ("*", "1"), ("/", "1")):
                form = form.replace(f"({sign}", f"({zero}{sign}")
    return form


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("3+5", "5+3"),
        ("12+5-3", "12-3+5"),
        ("a-(b-c)", "c+a-b"),
        ("2*(3+4)", "(4+3)*2"),
        ("8/2*3", "3*8/2"),
        ("1/2+1/3", "1/3+1/2"),
    ],
)
def test_order_does_not_count(left: str, right: str) -> None:
    values = {"a": 7, "b": 2, "c": 11}
    assert canonical(parse(left), values) == canonical(parse(right), values)


@pytest.mark.parametrize(
    ("left", "right"), [("3-5", "5-3"), ("8/2", "2/8"), ("2*3+4", "2*(3+4)"), ("3+5", "3*5")]
)
def test_everything_else_does(left: str, right: str) -> None:
    assert canonical(parse(left)) != canonical(parse(right))


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "+",
        "1+",
        "(1",
        "1)",
        "1 2",
        "()",
        "1.5",
        "2**3",
        "1//2",
        "f(1)",
        "A",
        "1,2",
        "\u0661",
    ],
)
def test_what_is_no_expression(text: str) -> None:
    with pytest.raises(ValueError, match="is no expression"):
        parse_once(text)


@pytest.mark.parametrize("text", ["(" * 5000 + "1" + ")" * 5000, "-" * 5000 + "1"])
def test_deep_nesting_is_refused_before_python_does(text: str) -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        parse_once(text)


def test_names_need_values() -> None:
    with pytest.raises(KeyError):
        evaluate(parse("a+1"))
