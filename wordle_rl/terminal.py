"""Standard streams as they come: terminals and their keys, pipes, closed, of any encoding."""

from __future__ import annotations

import codecs
import os
import select
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from io import TextIOWrapper
from typing import TextIO

import click

INTERRUPTED = 130
"""Exit code of a program that Ctrl-C ended."""
END = "\x04"
"""The key that ends the input, Ctrl-D; also what is read where the terminal has gone."""
ESCAPE_S = 0.05
"""The bytes of one arrow key arrive within this time; Escape itself is alone."""


def forgive_encoding() -> None:
    """Bytes that are no text, and text that cannot be printed, become marks and not errors."""
    for stream in (sys.stdin, sys.stdout):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a stream, which there may be none of, is a terminal."""
    return stream is not None and stream.isatty()


@contextmanager
def clean_exit() -> Iterator[None]:
    """End without a traceback on Ctrl-C, and where nobody reads standard output any more."""
    try:
        yield
    except KeyboardInterrupt:
        click.echo()
        raise SystemExit(INTERRUPTED) from None
    except BrokenPipeError:
        # The last flush of the program must have somewhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None


@contextmanager
def keys_of(stream: TextIO) -> Iterator[Callable[[], str]]:
    """A function that waits for the next key of a terminal, which shows nothing of it meanwhile.

    A key is a character, or the whole sequence of an arrow key. Ctrl-C interrupts as ever. Keys
    that were pressed before are not lost.
    """
    fd = stream.fileno()
    before = termios.tcgetattr(fd)
    tty.setcbreak(fd, termios.TCSADRAIN)
    try:
        yield partial(_read_key, fd)
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)


def _read_key(fd: int) -> str:
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    key = ""
    while not key:
        byte = os.read(fd, 1)
        if not byte:
            return END
        key = decoder.decode(byte)
    while key.startswith("\x1b") and len(key) < 8 and not key[2:].rstrip("~")[-1:].isalpha():
        if key.endswith("~") or not select.select([fd], [], [], ESCAPE_S)[0]:
            break
        key += os.read(fd, 1).decode("latin-1")
    return key
