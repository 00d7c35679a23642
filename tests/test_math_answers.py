"""Reading answers: a table of forms, exact values, strings made to hurt, and time."""

import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordle_rl.envs.base import MAX_ACTION
from wordle_rl.envs.math_answers import (
    MAX_CONTENT,
    ParsedAnswer,
    answer_text,
    nearness,
    parse_answer,
    read_number,
)

READ = {
    # where it stands
    "42": "42",
    "  42.\n": "42",
    "-7": "-7",
    "[42]": "42",
    "I think [41] or rather [ 42 ].": "42",
    "[[42]]": "42",
    "\\boxed{42}": "42",
    "\\boxed{41} no wait \\boxed{42}": "42",
    "$\\boxed{\\frac{3}{4}}$": "3/4",
    "<answer>42</answer>": "42",
    "<answer>\n42\n</answer>": "42",
    "<answer>1</answer><answer>42</answer>": "42",
    "<answer>\\boxed{42}</answer>": None,
    "48 / 2 = 24, so 24 + 48 = 72\n#### 72": "72",
    "####18": "18",
    "#### 18\nHuman: and 5?": "18",
    "#### 17\n#### 18": "18",
    "**[42]**": "42",
    "[**42**]": "42",
    "[`42`]": "42",
    "[42]<|im_end|>": "42",
    "the price [18] was 100% right": "18",
    "\\boxed{42} [7]": "42",
    "<answer>42</answer> \\boxed{7} #### 8 [9]": "42",
    "#### 42 [9": None,
    # thinking is not answering
    "<think>[41]</think>[42]": "42",
    "<think>[41]</think>": None,
    "[41]</think>42": "42",
    "[41]<think>[42]": "41",
    # numbers
    "[1,200]": "1200",
    "[12,345,678]": "12345678",
    "[1 200]": "1200",
    "[1,20]": None,
    "[12,5]": None,
    "[,5]": None,
    "[007]": "7",
    "[-0]": "0",
    "[+5]": "5",
    "[- 5]": "-5",
    "[\u22123]": "-3",
    "\u22123": "-3",
    "[0.75]": "3/4",
    "[.5]": "1/2",
    "[5.]": "5",
    "[18.00.]": "18",
    "[0.6667]": "6667/10000",
    "[3/4]": "3/4",
    "[6/8]": "3/4",
    "[-3/4]": "-3/4",
    "[3 / 4]": "3/4",
    "[3\u20444]": "3/4",
    "[1,000/3]": "1000/3",
    "[3/-4]": None,
    "[1.5/2]": None,
    "[1/2/3]": None,
    "[\\frac{3}{4}]": "3/4",
    "[-\\dfrac{3}{4}]": "-3/4",
    "[\\frac{x}{4}]": None,
    # units and prefixes
    "[$18]": "18",
    "[\\$18]": "18",
    "[-$18]": "-18",
    "[$-18]": "-18",
    "[-$-18]": None,
    "[\u20ac18]": "18",
    "[18 dollars]": "18",
    "[$18.50]": "37/2",
    "[25%]": "25",
    "[25 %]": "25",
    "[25\\%]": "25",
    "25%": "25",
    "[18 apples]": "18",
    "[18 km/h]": "18",
    "\\boxed{18\\text{ cm}}": "18",
    "\\boxed{1{,}200}": "1200",
    "\\boxed{1\\,200}": "1200",
    "[x = 42]": "42",
    "[x=42]": "42",
    "x = 42": "42",
    "[3x + 4 = 19, x = 5]": "5",
    "[x = 1/2]": "1/2",
    "[42 = x]": None,
    # more than one, or none
    "18 apples": None,
    "[18 of 20]": None,
    "[42 and 3]": None,
    "[10-5]": None,
    "[3 (see step 2)]": None,
    "[41, 42]": None,
    "[seven]": None,
    "[]": None,
    "[ ]": None,
    "": None,
    "The answer is 42": None,
    "[42": None,
    "42]": None,
    "(42)": None,
    "\\boxed{42": None,
    "<answer>42": None,
    "[x]": None,
    "[=]": None,
    # what looks like a number
    "[1e3]": None,
    "[1e309]": None,
    "1e309": None,
    "[nan]": None,
    "NaN": None,
    "[inf]": None,
    "[-Infinity]": None,
    "[9**9**9]": None,
    "9**9**9": None,
    "[9^9^9^9]": None,
    "[999999!]": None,
    "[0x2A]": None,
    "[4_2]": None,
    "[\u0664\u0662]": None,
    "[\uff14\uff12]": None,
    "[\u00bd]": None,
    "[1/0]": None,
    "[0/0]": None,
    "1/0": None,
    "[--5]": None,
    "[4 2]": None,
    "[{42}]": None,
    "[True]": None,
    "[__import__('os')]": None,
    "[Fraction(42)]": None,
    "\\boxed{\\sqrt{1764}}": None,
}


@pytest.mark.parametrize(("action", "text"), READ.items(), ids=map(repr, READ))
def test_reading(action: str, text: str | None) -> None:
    parsed = parse_answer(action)
    assert (parsed.text or None) == text
    assert (parsed.status == "ok") == (text is not None)


@pytest.mark.parametrize(
    ("action", "status"),
    [
        ("", "no_answer"),
        ("dunno", "no_answer"),
        ("I say 42 or 43", "no_answer"),
        ("4" * 81, "no_answer"),
        ("<think>[42]", "no_answer"),
        ("[dunno]", "bad_number"),
        ("[]", "bad_number"),
        ("[nan]", "bad_number"),
        ("#### none", "bad_number"),
        ("[1/0]", "bad_fraction"),
        ("1/0", "bad_fraction"),
        ("[0/000]", "bad_fraction"),
        ("[\\frac{5}{0}]", "bad_fraction"),
        (f"[{'9' * 81}]", "bad_length"),
        (f"[{'9' * 5000}]", "bad_length"),
        (f"[the answer is{', as far as I can tell' * 4}, 42]", "bad_length"),
    ],
)
def test_statuses(action: str, status: str) -> None:
    assert parse_answer(action) == ParsedAnswer(status)


@given(st.fractions())
def test_every_number_reads_as_itself(value: Fraction) -> None:
    text = answer_text(value)
    if len(text) <= MAX_CONTENT:
        for said in (text, f"[{text}]", f"\\boxed{{{text}}}", f"so\n#### {text}"):
            assert parse_answer(said) == ParsedAnswer("ok", text)


@given(
    st.decimals(
        allow_nan=False, allow_infinity=False, places=3, min_value=-(10**9), max_value=10**9
    )
)
def test_decimals_are_exact(value: object) -> None:
    assert read_number(str(value)) == ParsedAnswer("ok", answer_text(Fraction(str(value))))


@given(st.text(max_size=300))
def test_any_text_has_a_status(text: str) -> None:
    for action in (text, f"[{text}]", f"\\boxed{{{text}}}"):
        status, said = parse_answer(action)
        assert (status == "ok") == bool(said)
        if said:
            assert answer_text(Fraction(said)) == said


@given(st.text(alphabet="0123456789-+/.,$% =x[]{}\\boxed<think>", max_size=120))
def test_any_text_that_is_nearly_an_answer_has_a_status(text: str) -> None:
    status, said = parse_answer(text)
    assert (status == "ok") == bool(said)


# --- time

HURTFUL = {
    "brackets": lambda n: "[" * (n // 2) + "42" + "]" * (n // 2),
    "open brackets": lambda n: "[4" * (n // 2),
    "boxes": lambda n: "\\boxed{" * (n // 8) + "}" * (n // 8),
    "open boxes": lambda n: "\\boxed{" * (n // 7),
    "fractions": lambda n: "\\boxed{" + "\\frac{1}{" * (n // 9) + "}" * (n // 9) + "}",
    "tags": lambda n: "<answer>" * (n // 8),
    "thoughts": lambda n: "<think>" * (n // 14) + "x" * (n // 2),
    "closed thoughts": lambda n: "<think></think>" * (n // 15),
    "hashes": lambda n: "#" * n,
    "digits": lambda n: "9" * n,
    "marked digits": lambda n: "[" + "9" * (n - 2) + "]",
    "groups": lambda n: "[" + "1 000" * (n // 5) + "]",
    "commas": lambda n: "[" + "1,000," * (n // 6) + "]",
    "signs": lambda n: "-" * n,
    "spaces": lambda n: " " * n,
    "marked spaces": lambda n: "[4" + " " * n + "]",
    "equals": lambda n: "x=" * (n // 2),
    "backslashes": lambda n: "\\" * n,
    "stars": lambda n: "*" * n,
    "power": lambda n: "[" + "9**" * (n // 3) + "9]",
    "units": lambda n: "[4 " + "a " * (n // 2) + "!]",
}


def spent_s(action: str) -> float:
    """The least processor time of several readings."""
    times = []
    for _ in range(3):
        begin = time.process_time()
        parse_answer(action)
        times.append(time.process_time() - begin)
    return min(times)


@pytest.mark.parametrize("name", HURTFUL)
def test_time_is_linear_and_short(name: str) -> None:
    short, long = HURTFUL[name](20_000), HURTFUL[name](200_000)
    assert spent_s(long) < 0.05
    assert spent_s(long) < 20 * max(spent_s(short), 1e-4)


@pytest.mark.parametrize("name", HURTFUL)
def test_marks_within_reach_are_quick_too(name: str) -> None:
    """What is read at most: `MAX_ACTION` characters, and `MAX_CONTENT` between marks."""
    for n in (MAX_CONTENT, MAX_ACTION):
        assert spent_s(HURTFUL[name](n)) < 0.05


def test_what_is_read_is_the_end() -> None:
    assert parse_answer("[1]" + "x" * MAX_ACTION + "[2]").text == "2"
    assert parse_answer("[1]" + "x" * MAX_ACTION).status == "no_answer"


# --- nearness


@given(st.fractions(), st.fractions())
def test_a_wrong_number_is_worth_less_than_half(said: Fraction, answer: Fraction) -> None:
    near = nearness(said, answer)
    assert near == 1.0 if said == answer else 0.1 <= near <= 0.5


def test_nearer_is_worth_more() -> None:
    worths = [nearness(Fraction(n), Fraction(50)) for n in (-50, 0, 1, 10, 40, 49, 50)]
    assert worths == sorted(worths)
    assert worths[:2] == [0.1, 0.1]
    assert worths[-2] == pytest.approx(0.5 - 0.3 / 99)
    assert nearness(Fraction(0), Fraction(0)) == 1.0
    assert nearness(Fraction(1), Fraction(0)) == 0.1
    assert nearness(Fraction(-30), Fraction(-50)) == nearness(Fraction(30), Fraction(50))
