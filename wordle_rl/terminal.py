"""Standard streams as they come: terminals, pipes, closed, of any encoding."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from typing import TextIO

import click

INTERRUPTED = 130
"""Exit code of a program that Ctrl-C ended."""


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
