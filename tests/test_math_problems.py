"""Problems: right answers by a second road, splits that do not touch, ids, numbers of them."""

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wordle_rl
from tests.exact import exact
from wordle_rl.envs.base import CHARSET
from wordle_rl.envs.math_problems import (
    DIFFICULTIES,
    HELD_OUT,
    TEMPLATES,
    check_difficulty,
    default_templates,
    draw_problem,
    problem_ids,
    problem_of,
    templates_of,
)
from wordle_rl.envs.math_templates import ARITHMETIC, Problem, Template
from wordle_rl.envs.words import split_of
from wordle_rl.errors import ConfigError

EACH = 100
"""Problems of each template that are looked at."""

each_template = pytest.mark.parametrize("name", TEMPLATES)


def some(template: Template, n: int = EACH) -> list[Problem]:
    """Random problems of a template."""
    return list(islice(endless(template), n))


def endless(template: Template) -> Iterator[Problem]:
    rng = np.random.default_rng(len(template.name))
    while True:
        problem = template.make(template.draw(rng))
        if problem is not None:
            yield problem


# --- answers by a second road: from the numbers in the English question, without the templates


def until(reached: Callable[[int], bool], limit: int = 10_000) -> int:
    """The least number for which something holds."""
    return next(n for n in range(limit) if reached(n))


def repeated(times: int, amount: int, start: int = 0) -> int:
    """`start`, changed by an amount so many times."""
    for _ in range(times):
        start += amount
    return start


def dealt(things: int, people: int) -> int:
    """What each has when things are dealt out one by one and come out even."""
    piles = [0] * people
    for i in range(things):
        piles[i % people] += 1
    assert len(set(piles)) == 1
    return piles[0]


SECOND_ROAD: dict[str, Callable[..., Any]] = {
    "fraction-of": lambda a, b, n: Fraction(n) * Fraction(a, b),
    "percent-of": lambda p, n: sum([Fraction(n, 100)] * p),
    "percent-more": lambda n, p: n + sum([Fraction(n, 100)] * p),
    "percent-less": lambda n, p: n - sum([Fraction(n, 100)] * p),
    "percent-what": lambda n, a: until(lambda p: p * n >= 100 * a),
    "ratio-equal": lambda a, b, c: until(lambda x: a * x >= b * c),
    "ratio-share": lambda n, a, b: until(lambda x: x * b >= (n - x) * a),
    "unit-price": lambda count, total, wanted: repeated(wanted, dealt(total, count)),
    "change": lambda count, price, paid: repeated(count, -price, paid),
    "distance": lambda speed, hours, more: repeated(hours, speed, more),
    "travel-time": lambda hours, km, far: until(lambda t: t * dealt(km, hours) >= far),
    "left-over": lambda boxes, each, given: repeated(boxes, each, -given),
    "fair-share": lambda first, second, friends: dealt(first + second, friends),
    "filling": lambda full, start, rate: until(lambda t: repeated(t, rate, start) >= full),
    "wages": lambda wage, hours, days: repeated(days, repeated(hours, wage)),
    "times-as-many": lambda first, times: repeated(times + 1, first),
    "sale": lambda price, percent: price - sum([Fraction(price, 100)] * percent),
    "pages": lambda pages, daily, days: repeated(days, -daily, pages),
    "meeting": lambda apart, u, v: until(lambda t: repeated(t, -u - v, apart) <= 0),
    "average": lambda *scores: Fraction(sum(scores), len(scores)),
    "shopping": lambda few, cheap, many, dear, paid: repeated(
        few, -cheap, repeated(many, -dear, paid)
    ),
    "profit": lambda crates, cost, each, price: repeated(crates, repeated(each, price, -cost)),
    "two-legs": lambda fast, early, slow, late, trip: repeated(
        early, -fast, repeated(late, -slow, trip)
    ),
    "savings": lambda weekly, weeks, spent, people: dealt(repeated(weeks, weekly, -spent), people),
    "percent-and-lunch": lambda money, percent, lunch: (
        money - sum([Fraction(money, 100)] * percent) - lunch
    ),
    "bakery": lambda trays, each, burnt, size, price: repeated(
        until(lambda boxes: boxes * size >= repeated(trays, each, -burnt)), price
    ),
    "pump-and-leak": lambda start, gain, loss, minutes, out: (
        repeated(minutes, gain, repeated(minutes, -loss, start)) - out
    ),
    "tickets": lambda price, adults, children, voucher: (
        sum([Fraction(price)] * adults + [Fraction(price, 2)] * children) - voucher
    ),
    "average-speed": lambda fast, early, slow, late: Fraction(
        sum(hourly := [fast] * early + [slow] * late), len(hourly)
    ),
    "ages": lambda older, times, total: until(
        lambda age: sum((age, age + older, times * age)) >= total
    ),
    "painters": lambda few, fences, days, many, later: (
        Fraction(fences, few * days) * repeated(later, many)
    ),
}
EQUATION = re.compile(r"Solve (.+) = (.+) for x\.")


def by_second_road(problem: Problem) -> Any:
    """The answer from what the English question says."""
    numbers = [int(n) for n in re.findall(r"-?[0-9]+", problem.question)]
    return SECOND_ROAD[problem.template](*numbers)


def sides_at(equation: re.Match[str], x: Fraction) -> list[Fraction]:
    """Both sides of an equation with a value for x."""
    times = [re.sub(r"(?<=[0-9])x", "*x", side) for side in equation.groups()]
    return [exact(side.replace("x", f"(({x.numerator})/{x.denominator})")) for side in times]


@each_template
def test_answers_are_right(name: str) -> None:
    for problem in some(TEMPLATES[name]):
        if TEMPLATES[name].family == ARITHMETIC:
            assert problem.answer == exact(problem.compact)
            assert problem.question == f"What is {spaced(problem.compact)}?"
        elif equation := EQUATION.fullmatch(problem.question):
            left, right = sides_at(equation, problem.answer)
            assert left == right
            assert sides_at(equation, problem.answer + 1) != [left, right]
        else:
            assert problem.answer == by_second_road(problem)


def spaced(text: str) -> str:
    return re.sub(r"([-+*/])", r" \1 ", text)


def test_every_template_has_a_second_road() -> None:
    words = {n: t for n, t in TEMPLATES.items() if t.family != ARITHMETIC}
    others = {name for name, template in words.items() if "Solve" not in template.question}
    assert set(SECOND_ROAD) == others
    assert len(TEMPLATES) == len({t.question for t in TEMPLATES.values()})


@each_template
def test_short_forms_say_the_same_numbers(name: str) -> None:
    for problem in some(TEMPLATES[name], 20):
        numbers = [sorted(re.findall("[0-9]+", t)) for t in (problem.question, problem.compact)]
        assert numbers[0] == numbers[1]
        assert set(problem.question + problem.compact) <= set(CHARSET)
        assert len(problem.question) < 300


@each_template
def test_numbers_are_sensible(name: str) -> None:
    """Small results where that is promised; no negative thing, price or time."""
    for problem in some(TEMPLATES[name]):
        if problem.difficulty == 1:
            assert abs(problem.answer) <= 9 * 99
        if problem.difficulty == 2:
            assert abs(problem.answer) <= 200
            assert problem.answer.denominator == 1
        if problem.difficulty >= 4:
            assert problem.answer > 0
            assert "-" not in problem.question


def test_worked_examples() -> None:
    assert problem_of("3:linear:3,5,4").compact == "3x+4=19 x?"
    assert problem_of("3:linear:3,5,4").answer_text == "5"
    assert problem_of("2:add-multiply:12,3,7").compact == "12+3*7"
    assert problem_of("3:fraction-subtract:1,4,1,2").answer_text == "-1/4"
    problem = problem_of("4:change:3,4,8,1,0")
    assert problem.question == (
        "Ben buys 3 pens at $4 each and pays with $20. How many dollars does Ben get back?"
    )
    assert (problem.answer_text, problem.compact) == ("8", problem.question)


# --- splits


def test_the_order_of_terms_makes_no_new_exercise() -> None:
    same = [
        ("1:add:3,5", "1:add:5,3"),
        ("1:multiply:3,5", "1:multiply:5,3"),
        ("2:add-add:1,2,3", "2:add-add:3,1,2"),
        ("2:add-subtract:9,5,2", "2:subtract-add:9,2,5"),
        ("2:add-multiply:5,2,3", "2:multiply-add:5,3,2"),
        ("3:fraction-add:1,2,1,3", "3:fraction-add:1,3,1,2"),
        ("3:linear:3,5,4", "3:linear-fraction:3,4,19"),
        ("4:change:3,4,8,1,0", "4:change:4,3,8,5,5"),
    ]
    for left, right in same:
        assert problem_of(left).key == problem_of(right).key
    for left, right in [("1:subtract:5,3", "1:subtract:3,5"), ("1:add:3,5", "1:multiply:3,5")]:
        assert problem_of(left).key != problem_of(right).key


def test_words_make_no_new_exercise() -> None:
    ids = [f"4:times-as-many:30,12,{words}" for words in ("0,0,0", "7,0,0", "0,7,0", "0,0,5")]
    assert len({problem_of(i).key for i in ids}) == 1
    assert len({problem_of(i).question for i in ids}) == 4


def test_no_exercise_is_in_two_splits() -> None:
    rng = np.random.default_rng(0)
    found: dict[str, set[str]] = {}
    texts: dict[str, set[str]] = {}
    for split in ("train", "val", "test"):
        drawn = [draw_problem(rng, DIFFICULTIES, split, "all") for _ in range(800)]
        assert {p.split for p in drawn} == {split}
        found[split] = {p.key for p in drawn}
        texts[split] = {p.compact for p in drawn}
    for kind in (found, texts):
        assert not kind["train"] & kind["test"]
        assert not kind["train"] & kind["val"]
        assert not kind["val"] & kind["test"]


def test_eight_of_ten_exercises_are_for_training() -> None:
    keys = {p.key for p in TEMPLATES["linear"].instances()}
    shares = Counter(map(split_of, keys))
    assert shares["train"] / len(keys) == pytest.approx(0.8, abs=0.01)
    assert shares["test"] / len(keys) == pytest.approx(0.1, abs=0.01)


def test_held_out_templates_are_not_trained_on() -> None:
    rng = np.random.default_rng(0)
    assert {TEMPLATES[name].difficulty for name in HELD_OUT} == {3, 4, 5}
    assert [default_templates(s) for s in ("train", "val")] == ["train", "train"]
    assert [default_templates(s) for s in ("test", "all")] == ["all", "all"]
    for split in ("train", "val", "test"):
        drawn = templates_drawn(rng, 400, split, "train")
        assert not drawn & set(HELD_OUT)
        assert len(drawn) == sum(t.difficulty >= 3 and not t.held_out for t in TEMPLATES.values())
    drawn = templates_drawn(rng, 150, "test", "held-out")
    assert drawn == set(HELD_OUT)
    assert set(HELD_OUT) < templates_drawn(rng, 500, "test")
    assert not set(HELD_OUT) & templates_drawn(rng, 300, "val")


def templates_drawn(rng: np.random.Generator, n: int, *arguments: Any) -> set[str]:
    return {draw_problem(rng, (3, 4, 5), *arguments).template for _ in range(n)}


def test_difficulties_and_templates_are_mixed_evenly() -> None:
    rng = np.random.default_rng(5)
    drawn = [draw_problem(rng, DIFFICULTIES, "train", "all") for _ in range(5000)]
    levels = Counter(p.difficulty for p in drawn)
    assert sum((levels[d] - 1000) ** 2 / 1000 for d in DIFFICULTIES) < 18.5  # 99.9 %, 4 degrees
    for level in DIFFICULTIES:
        counts = Counter(p.template for p in drawn if p.difficulty == level)
        pool = templates_of(level, "all")
        expected = levels[level] / len(pool)
        chi_square = sum((counts[t.name] - expected) ** 2 / expected for t in pool)
        assert chi_square < 45  # beyond the 99.99 % quantile of the largest pool, 13 degrees


# --- how many there are


@each_template
def test_every_split_of_a_template_has_problems(name: str) -> None:
    counts: Counter[str] = Counter()
    for problem in islice({p.key: p for p in some(TEMPLATES[name], 700)}.values(), 700):
        counts[problem.split] += 1
    assert counts["train"] > 250
    assert min(counts["val"], counts["test"]) >= 25


def test_how_many_exercises_of_difficulty_1_there_are() -> None:
    keys = {p.key for t in templates_of(1) for p in t.instances()}
    assert len(keys) == 16_005


@pytest.mark.slow
def test_how_many_exercises_there_are() -> None:
    """Difficulty 2 to 4 are counted; of 5, the share of the largest template that fits."""
    counted = {
        level: len({p.key for t in templates_of(level) if t.size < 300_000 for p in t.instances()})
        for level in (2, 3, 4)
    }
    assert counted[2] > 350_000
    assert counted[3] > 120_000
    assert counted[4] > 190_000
    pump = TEMPLATES["pump-and-leak"]
    problems = some(pump, 3000)
    assert len({p.key for p in problems}) > 0.999 * len(problems)
    rng = np.random.default_rng(0)
    fitting = sum(pump.make(pump.draw(rng)) is not None for _ in range(3000)) / 3000
    assert fitting * pump.size > 70_000_000


# --- ids


@each_template
def test_an_id_brings_its_problem_back(name: str) -> None:
    for problem in some(TEMPLATES[name], 20):
        assert problem_of(problem.id) == problem
        assert re.fullmatch(r"[1-5]:[a-z-]+:[0-9,-]+", problem.id)


@pytest.mark.parametrize(
    ("problem_id", "message"),
    [
        ("1:add", "'1:add' is not the id of a problem: write difficulty:template:numbers"),
        ("", "'' is not the id of a problem"),
        (7, "7 is not the id of a problem"),
        (None, "None is not the id of a problem"),
        ("1:ad:1,2", "unknown template 'ad': did you mean 'add'"),
        ("2:add:1,2", "problem '2:add:1,2': add has difficulty 1, not 2"),
        ("1:add:1", "problem '1:add:1': add takes 2 numbers, not 1"),
        ("1:add:1,2,3", "problem '1:add:1,2,3': add takes 2 numbers, not 3"),
        ("1:add:1,100", "problem '1:add:1,100': 100 is not from 0 to 99"),
        ("1:add:-1,2", "problem '1:add:-1,2': -1 is not from 0 to 99"),
        ("1:add:1,x", "problem '1:add:1,x': 'x' is no whole number"),
        ("1:add:1," + "9" * 5000, "problem '1:add:1,9999"),
        ("1:add:1,\u0662", "problem '1:add:1,\u0662': '\u0662' is no whole number"),
        ("4:change:3,4,8,8,0", "problem '4:change:3,4,8,8,0': 8 is not from 0 to 7"),
        ("4:left-over:2,3,90,0,0", "problem '4:left-over:2,3,90,0,0': these numbers make no sense"),
        ("2:group-divide:1,2,50", "problem '2:group-divide:1,2,50': these numbers make no sense"),
    ],
)
def test_wrong_ids_are_explained_in_a_line(problem_id: Any, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        problem_of(problem_id)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("difficulty", DIFFICULTIES)
def test_ids_of_a_suite(difficulty: int) -> None:
    ids = problem_ids(difficulty, "test", 500)
    problems = [problem_of(i) for i in ids]
    assert {p.difficulty for p in problems} == {difficulty}
    assert {p.split for p in problems} == {"test"}
    assert len({p.key for p in problems}) == 500
    assert problem_ids(difficulty, "test", 100) == ids[:100]
    assert problem_ids(difficulty, "test", 100, seed=1) != ids[:100]
    assert {p.template for p in problems} == {t.name for t in templates_of(difficulty)}
    assert not {problem_of(i).template for i in problem_ids(difficulty, "val", 100)} & set(HELD_OUT)


def test_suites_are_what_they_were() -> None:
    """A change here changes every published figure: raise the version of the environment."""
    assert problem_ids(1, "test", 3) == FIRST_IDS[0]
    assert problem_ids([4, 5], "test", 3) == FIRST_IDS[1]


FIRST_IDS = (
    ("1:multiply:2,72", "1:multiply:5,85", "1:multiply:2,83"),
    ("5:percent-and-lunch:14,35,12,6,4", "4:left-over:5,20,59,0,3", "4:distance:71,9,2,0"),
)

SCRIPT = """
from wordle_rl.envs.math_problems import problem_ids
print(problem_ids([1, 2, 3, 4, 5], "test", 200, seed=3))
"""


def test_a_new_process_draws_the_same() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(wordle_rl.__file__).parents[1],
        env={"PYTHONHASHSEED": "7", "PATH": ""},
    )
    assert done.stdout == f"{problem_ids(DIFFICULTIES, 'test', 200, seed=3)}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((6, "test", 5), "difficulty 6 is not a whole number from 1 to 5"),
        (("1", "test", 5), "difficulty '1' is not a whole number from 1 to 5"),
        (([], "test", 5), "difficulty () is empty"),
        ((1, "tset", 5), "unknown split 'tset': did you mean 'test'"),
        ((1, "test", 0), "n 0 is not a whole number from 1"),
        ((1, "test", 5, 0, "held-out"), "no templates 'held-out' of difficulty 1"),
        ((3, "test", 5, 0, "heldout"), "unknown templates 'heldout': did you mean 'held-out'"),
        ((1, "val", 5000), "only 15"),
    ],
)
def test_wrong_arguments_are_explained_in_a_line(arguments: Any, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        problem_ids(*arguments)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_difficulties_in_any_form() -> None:
    assert check_difficulty([3, 1, 3]) == check_difficulty({1, 3}) == (1, 3)
    assert check_difficulty(range(1, 6)) == (1, 2, 3, 4, 5)
