"""Reading a guess: the table of forms, totality on any string, and time that grows no faster."""

import time

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wordle_rl.envs import parsing
from wordle_rl.envs.base import MAX_ACTION
from wordle_rl.envs.parsing import (
    ParsedGuess,
    find_answer,
    parse_guess,
    readings_by,
    visible_text,
)

CRANE = [
    "[crane]",
    "[CRANE]",
    "[ crane ]",
    "crane",
    "  Crane.\n",
    "I guess [crane].",
    "[slate] no wait [crane]",
    "<think>try [slate]?</think> [crane]",
    "reasoning [slate]</think>[crane]",
    "[c r a n e]",
    "[[crane]]",
    "**[crane]**",
    "`[crane]`",
    "[GAME] [crane]",
    "[crane]<|im_end|>",
    "[crane]\u200b",
    "[crane] G G G G G",
]
NO_GUESS = [
    "",
    "   ",
    "\n",
    "My guess is crane",
    "(crane)",
    '"crane"',
    "[crane",
    "crane]",
    "<think>try [slate]",
    "\U0001f7e9" * 5,
    "Feedback: GGGGG",
    '{"guess":"crane"}',
]
BAD_CHARS = [
    "[]",
    "[ ]",
    "[cr4ne]",
    "[12345]",
    "[cran_]",
    "[na\u00efve]",
    "[CR\u0391NE]",  # a Greek capital alpha
    "[\uff43\uff52\uff41\uff4e\uff45]",  # full-width letters
    "[crane, slate]",
    "[the word is crane]",
    "[crane\x00]",
    "[cra\nne]",
]
BAD_LENGTH = ["[cran]", "[cranes]", "x" * 100_000]

PRECEDENCE = [
    ("<guess>crane</guess> \\boxed{slate} [stare]", "crane"),
    ("[stare] \\boxed{slate} <guess>crane</guess>", "crane"),
    ("\\boxed{crane} [stare]", "crane"),
    ("<guess>slate</guess> or <guess>Crane</guess>", "crane"),
    ("<guess>\ncrane\n</guess>", "crane"),
    ("\\boxed{slate} \\boxed{ CRANE }", "crane"),
    ("<guess>slate [crane]", "crane"),
    ("\\boxed{slate [crane]", "crane"),
    ("</guess>slate<guess> [crane]", "crane"),
    ("<think><guess>slate</guess></think>[crane]", "crane"),
    ("[crane] <think>or [slate]</think>", "crane"),
    ("[crane] <think>or [slate]", "crane"),
    ("<think>a</think>[slate]<think>b</think>[crane]<think>c", "crane"),
    ("<think><think>a</think>[slate]</think>[crane]", "crane"),
    ("[crane][slate]", "slate"),
]

PATHOLOGIES = {
    "brackets": lambda n: "[" * n + "crane" + "]" * n,
    "unclosed brackets": lambda n: "[a" * n,
    "unopened brackets": lambda n: "a]" * n,
    "unclosed thinking": lambda n: "<think>" * n + "x" * (5 * n),
    "unopened thinking": lambda n: "</think>" * n,
    "alternating thinking": lambda n: "<think></think>" * n,
    "nearly tags": lambda n: "<thin" * n + "</guess" * n,
    "tags": lambda n: "<guess>" * n + "</guess>" * n,
    "boxes": lambda n: "\\boxed{" * n + "}" * n,
    "letters": lambda n: "x" * n,
    "spaces": lambda n: "[" + " " * n + "]",
}


@pytest.mark.parametrize("text", CRANE)
def test_crane(text: str) -> None:
    assert parse_guess(text, 5) == ParsedGuess("ok", "crane")


@pytest.mark.parametrize(("text", "guess"), PRECEDENCE)
def test_precedence(text: str, guess: str) -> None:
    assert parse_guess(text, 5) == ParsedGuess("ok", guess)


@pytest.mark.parametrize("text", NO_GUESS)
def test_no_guess(text: str) -> None:
    assert parse_guess(text, 5) == ParsedGuess("no_guess", "")


@pytest.mark.parametrize("text", BAD_CHARS)
def test_bad_chars(text: str) -> None:
    assert parse_guess(text, 5) == ParsedGuess("bad_chars", "")


@pytest.mark.parametrize("text", BAD_LENGTH)
def test_bad_length(text: str) -> None:
    assert parse_guess(text, 5) == ParsedGuess("bad_length", "")


def test_unknown_words_are_the_games_business() -> None:
    assert parse_guess("[xyzzy]", 5) == ParsedGuess("ok", "xyzzy")


def test_an_action_is_read_alike_each_time_and_for_each_game() -> None:
    """Short actions are remembered: with how a bare answer looks, which is the game's to say."""
    for _ in range(2):
        assert find_answer("7", str.isdigit) == "7"
        assert find_answer("7", str.isalpha) is None
        assert find_answer("[7] [8]", str.isdigit) == "8"


def test_the_length_asked_for_counts() -> None:
    assert parse_guess("[planet]", 6) == ParsedGuess("ok", "planet")
    assert parse_guess("[crane]", 6).status == "bad_length"


def test_a_numpy_string_is_a_string() -> None:
    parsed = parse_guess(np.str_("crane"), 5)
    assert parsed == ParsedGuess("ok", "crane")
    assert type(parsed.guess) is str


def test_only_the_end_of_what_is_said_is_read() -> None:
    assert parse_guess("[crane]" + "." * (MAX_ACTION - 7), 5).status == "ok"
    assert parse_guess("[crane]" + "." * (MAX_ACTION - 6), 5).status == "no_guess"
    assert parse_guess("." * 10**6 + "[crane]", 5).status == "ok"


def test_long_thinking_is_not_speech() -> None:
    thought = "is it [slate]? " * MAX_ACTION
    assert parse_guess(f"<think>{thought}</think>[crane]", 5) == ParsedGuess("ok", "crane")
    assert parse_guess(f"<think>{thought}", 5).status == "no_guess"
    assert parse_guess(f"[crane]<think>{thought}", 5) == ParsedGuess("ok", "crane")


def test_thinking_does_not_glue_words_together() -> None:
    assert visible_text("[cra<think>?</think>ne]") == "[cra\nne]"
    assert parse_guess("[cra<think>?</think>ne]", 5).status == "bad_chars"


@given(st.text(), st.integers(1, 10))
@example("\ud800[crane]\udfff", 5)
@example("\x00\x1f\x85\u2028", 5)
def test_any_string_has_a_status(text: str, length: int) -> None:
    check_parsed(parse_guess(text, length), length)


fragments = st.sampled_from(
    ["[", "]", "<think>", "</think>", "<guess>", "</guess>", "\\boxed{", "}", "crane", "c r", " "]
)


@given(st.lists(fragments, max_size=20).map("".join))
def test_any_jumble_of_marks_has_a_status(text: str) -> None:
    check_parsed(parse_guess(text, 5), 5)


def check_parsed(parsed: ParsedGuess, length: int) -> None:
    if parsed.status == "ok":
        assert len(parsed.guess) == length
        assert parsed.guess.isascii()
        assert parsed.guess.islower()
    else:
        assert parsed.status in ("no_guess", "bad_chars", "bad_length")
        assert parsed.guess == ""


@pytest.mark.parametrize("name", PATHOLOGIES)
def test_time_is_linear(name: str) -> None:
    small, large = PATHOLOGIES[name](20_000), PATHOLOGIES[name](200_000)
    assert best_time_s(large) < 20 * best_time_s(small) + 1e-3


@pytest.mark.parametrize(
    "text",
    ["[" * 50_000 + "crane" + "]" * 50_000, "[a" * 30_000, "<think>" * 20_000 + "x" * 100_000],
    ids=["brackets", "unclosed", "thinking"],
)
def test_hostile_text_is_fast(text: str) -> None:
    assert best_time_s(text) < 0.05


def best_time_s(text: str) -> float:
    """The least processor time of several runs."""
    times = []
    for _ in range(5):
        start = time.process_time()
        parse_guess(text, 5)
        times.append(time.process_time() - start)
    return min(times)


def test_short_texts_are_remembered_and_long_ones_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsing, "REMEMBERED", 2)
    heard: list[str] = []

    def loud(text: str) -> str:
        heard.append(text)
        return text.upper()

    readings = readings_by(loud)
    assert [readings[text] for text in ("a", "a", "b", "b", "a")] == ["A", "A", "B", "B", "A"]
    assert heard == ["a", "b"]
    assert readings["c"] == "C"  # a third: all are forgotten, so the memory has a limit
    assert set(readings) == {"c"}
    long = "x" * (parsing.SHORT + 1)
    assert readings[long] == readings[long] == long.upper()
    assert heard[-2:] == [long, long]
    assert readings_by(loud) is readings
