"""The word of the day."""

from datetime import date, timedelta

from wordle_rl.envs.daily import FIRST_DAY, daily_word, day_number
from wordle_rl.envs.words import load_words

WORDS = ["abbey", "crane", "slate", "trace", "vivid"]


def days(start: date, n: int) -> list[str]:
    return [daily_word(start + timedelta(days=i), WORDS) for i in range(n)]


def test_every_word_comes_once_before_one_comes_back() -> None:
    first, second = days(FIRST_DAY, 5), days(FIRST_DAY + timedelta(days=5), 5)
    assert sorted(first) == sorted(second) == WORDS
    assert first != second != WORDS


def test_the_word_depends_on_date_and_list_alone() -> None:
    day = date(2026, 11, 26)
    answers = load_words("answers")
    assert daily_word(day, answers) == daily_word(day, list(reversed(answers))) == "tweed"
    assert day_number(day) == 330


def test_days_before_the_first_have_words_too() -> None:
    before = days(FIRST_DAY - timedelta(days=5), 5)
    assert sorted(before) == WORDS
    assert day_number(FIRST_DAY - timedelta(days=1)) == 0
