"""What Wordle says: the fixed compact texts, plain English, the full board, rows for people."""

from typing import Any

import pytest

from wordle_rl.envs.base import MAX_OBSERVATION
from wordle_rl.envs.wordle import (
    WordleEnv,
    compact_ending,
    compact_opening,
    compact_refusal,
    compact_row,
)
from wordle_rl.envs.words import load_words

REFUSED = {
    "no_guess": "my guess is crane",
    "bad_chars": "[cr4ne]",
    "bad_length": "[cran]",
    "unknown_word": "[qqqqq]",
    "hard_mode": "[moist]",  # after slate against crane, which shows an A
}


def start(secret: str = "crane", **kwargs: Any) -> WordleEnv:
    env = WordleEnv(**kwargs)
    env.reset(options={"secret": secret})
    return env


def test_compact_texts_are_fixed() -> None:
    """The built-in model is pretrained on these: a change needs a new model."""
    assert compact_opening(5, 6, False) == "wordle 5x6"
    assert compact_opening(6, 8, True) == "wordle 6x8 hard"
    assert compact_row("XYGXX") == "XYGXX"
    assert [compact_refusal(status) for status in REFUSED] == [
        "?none",
        "?chars",
        "?length",
        "?word",
        "?hard",
    ]
    assert (compact_ending(True, "crane"), compact_ending(False, "crane")) == ("", " crane")


def test_compact_game_lost_and_won() -> None:
    env = start(style="compact", hard_mode=True)
    assert env.reset(options={"secret": "crane"})[0] == "wordle 5x6 hard"
    assert [env.step(a)[0] for a in ("slate", *REFUSED.values())] == [
        "XXGXG",
        "?none",
        "?chars",
        "?length",
        "?word",
        "?hard crane",
    ]
    env = start(style="compact", max_guesses=2)
    assert [env.step(a)[0] for a in ("slate", "crate")] == ["XXGXG", "GGGXG crane"]
    assert start(style="compact").step("crane")[0] == "GGGGG"


def test_compact_with_full_history() -> None:
    env = start(style="compact", history="full", max_guesses=3)
    assert env.step("slate")[0] == "wordle 5x3\nslate XXGXG"
    assert env.step("[qqqqq]")[0] == "wordle 5x3\nslate XXGXG\n?word"
    assert env.step("trace")[0] == "wordle 5x3\nslate XXGXG\n?word\ntrace XGGYG crane"


def test_chat_opening_says_the_rules() -> None:
    opening, _ = WordleEnv(split="val", hard_mode=True).reset(seed=0)
    for phrase in ("5-letter", "6 guesses", "2146 words", "11205 words", "Hard mode", "[crane]"):
        assert phrase in opening
    assert "Hard mode" not in WordleEnv().reset(seed=0)[0]


@pytest.mark.parametrize(
    ("status", "message"),
    [
        ("no_guess", "No guess was found: write one word in square brackets, for example [crane]."),
        ("bad_chars", "A guess is one word of the letters a to z, for example [crane]."),
        ("bad_length", "A guess has exactly 5 letters, for example [crane]."),
        ("unknown_word", "QQQQQ is not in the word list."),
        ("hard_mode", "Hard mode: letter 3 must be A."),
    ],
)
def test_chat_refusals_say_why(status: str, message: str) -> None:
    env = start(hard_mode=True)
    env.step("slate")
    assert env.step(REFUSED[status])[0] == f"Guess 2/6 was refused. {message}"
    env = start(hard_mode=True, invalid_policy="free")
    env.step("slate")
    assert env.step(REFUSED[status])[0] == f"Refusal 1/10. {message}"


def test_full_history_is_the_last_rows_in_order() -> None:
    last, full = start(), start(history="full")
    opening, _ = full.reset(options={"secret": "crane"})
    said = [opening]
    for action in ("slate", "?", "[qqqqq]", "slate", "moist", "ghost"):
        said.append(last.step(action)[0])
        assert full.step(action)[0] == "\n".join(said)


def test_the_longest_board_fits_the_space() -> None:
    words = ["abcdefghij", "bcdefghija"]
    env = WordleEnv(
        word_length=10,
        max_guesses=100,
        invalid_policy="free",
        max_invalid=100,
        history="full",
        answers=words,
    )
    env.reset(options={"secret": words[0]})
    observation = [env.step(action)[0] for action in ["[x1]"] * 99 + [words[1]] * 100][-1]
    assert len(observation) <= MAX_OBSERVATION
    assert observation in env.observation_space


def test_other_lengths_have_their_own_example() -> None:
    opening, _ = WordleEnv(word_length=6).reset(seed=0)
    assert f"[{load_words('answers', 6)[0]}]" in opening


# --- for people


def test_ansi_shows_the_whole_board() -> None:
    env = WordleEnv(render_mode="ansi", style="compact", max_guesses=3)
    env.reset(options={"secret": "crane"})
    assert env.render() == "wordle 5x3"
    env.step("slate")
    env.step("?")
    assert env.render() == (
        "wordle 5x3\n"
        "S L A T E  X X G X G\n"
        "Guess 2/3 was refused. No guess was found: "
        "write one word in square brackets, for example [crane]."
    )
    env.step("moist")
    shown = str(env.render()).splitlines()
    assert shown[3:] == ["M O I S T  X X X X X", "Out of guesses. The word was CRANE."]


def test_human_prints_each_new_row_plainly_where_it_is_no_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    env = WordleEnv(render_mode="human")
    env.reset(options={"secret": "crane"})
    env.step("slate")
    env.step("crane")
    assert capsys.readouterr().out == (
        "wordle 5x6\nS L A T E  X X G X G\nC R A N E  G G G G G\nSolved in 2.\n"
    )


@pytest.mark.parametrize(("no_color", "coloured"), [(None, True), ("", True), ("1", False)])
def test_human_prints_colour_on_a_terminal_unless_told_not_to(
    no_color: str | None,
    coloured: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    if no_color is None:
        monkeypatch.delenv("NO_COLOR", raising=False)
    else:
        monkeypatch.setenv("NO_COLOR", no_color)
    env = WordleEnv(render_mode="human")
    env.reset(options={"secret": "crane"})
    env.step("carol")
    row = capsys.readouterr().out.splitlines()[1]
    assert ("\x1b[1;30;42m C \x1b[0m\x1b[1;30;43m A \x1b[0m" in row) == coloured
    assert ("\x1b" in row) == coloured
