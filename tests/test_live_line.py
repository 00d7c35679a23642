"""Typing a word in tiles, key by key."""

import io
import os
import re

import pytest
from rich.console import Console

from wordle_rl.evaluation.replay import CLASSIC, PLAIN, Look
from wordle_rl.live_line import LONGEST, LiveLine
from wordle_rl.terminal import END, keys_of

ROWS = [("crane", "XYGXX")]


def typed(*keys: str, look: Look = PLAIN, width: int = 80) -> tuple[str, list[str]]:
    """The line that was read, and what was drawn after every key."""
    left = iter(keys)
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, color_system="truecolor", width=width)
    line = LiveLine(
        console, look, ROWS, prompt=lambda: "2/6> ", letters=5, read_key=lambda: next(left)
    )
    read = line.readline()
    return read, out.getvalue().split("\r\x1b[K")[1:]


def test_letters_are_drawn_with_what_is_known_of_them() -> None:
    read, drawn = typed(*"rabc", "\r")
    assert read == "rabc\n"
    plain = [re.sub(r"\x1b\[[0-9;]*m", "", text).rstrip("\n") for text in drawn]
    assert plain == [
        "2/6> ",
        "2/6> (R)",
        "2/6> (R)[A]",
        "2/6> (R)[A] B ",
        "2/6> (R)[A] B  c ",
    ]
    _, coloured = typed(*"rab", "\n", look=CLASSIC)
    assert len(set(re.findall(r"48;2;[0-9;]+", coloured[-1]))) == 2


def test_keys_that_edit() -> None:
    assert typed(*"ab", "\x7f", "c", "\r")[0] == "ac\n"
    assert typed(*"ab", "\x15", "c", "\r")[0] == "c\n"
    assert typed("\b", "a", "\x1b[C", "\t", "\r")[0] == "a\n"
    assert typed(*"x" * (LONGEST + 5), "\r")[0] == "x" * LONGEST + "\n"


def test_the_end_of_the_keys_is_the_end_of_the_input_on_an_empty_line_alone() -> None:
    assert typed(END)[0] == ""
    assert typed("a", END, "\r")[0] == "a\n"


def test_what_is_no_word_is_drawn_as_it_is_and_within_the_width() -> None:
    _, drawn = typed(*"[quit]", "\r", width=10)
    assert drawn[-1].rstrip("\n") == "2/6> uit]"
    _, drawn = typed(*"crane", "\r", width=15)
    assert "2/6> crane" in drawn[-1]


# --- keys of a terminal


@pytest.mark.parametrize(
    ("pressed", "keys"),
    [
        (b"ab", ["a", "b"]),
        ("é".encode(), ["é"]),
        (b"\x1b[Cn", ["\x1b[C", "n"]),
        (b"\x1b[3~n", ["\x1b[3~", "n"]),
        (b"\x1bOAn", ["\x1bOA", "n"]),
        (b"\xff n", ["\ufffd", " ", "n"]),
    ],
)
def test_keys(pressed: bytes, keys: list[str]) -> None:
    terminal, child = os.openpty()
    try:
        os.write(terminal, pressed)  # before anybody reads: it must not be lost
        with open(child, closefd=False) as stream, keys_of(stream) as read_key:
            assert [read_key() for _ in keys] == keys
            os.write(terminal, b"\x1b")
            assert read_key() == "\x1b"
    finally:
        os.close(terminal)
        os.close(child)
