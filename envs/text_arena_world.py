"""A world of its own for code that uses the process-wide one.

TextArena's games draw from Python's global generator, a few from numpy's as well, print while they
play, and call `nltk.download` when they are made. A `PrivateWorld` holds the random state of one
game: code run inside `entered()` finds that state in the global generators, prints into nothing and
downloads nothing, and everything is as it was afterwards. So games do not disturb each other or
their user. Exchanging numpy's state takes half a millisecond, most of a small game's turn, so it is
done for the games that use it alone.
"""

from __future__ import annotations

import io
import random
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from typing import Any

import numpy as np

_LOCK = threading.RLock()
"""The generators and the standard output belong to the process: one game at a time has them."""


class PrivateWorld:
    """The random state of one game, in the form that the global generators understand."""

    def __init__(self) -> None:
        self._with_numpy = True
        self.seed(0)

    def leave_numpy_out(self) -> None:
        """From now on the game's code is known not to touch numpy's global generator."""
        self._with_numpy = False

    def seed(self, seed: int) -> None:
        """Start the generators anew from a seed in [0, 2**32)."""
        self._python = random.Random(seed).getstate()
        if self._with_numpy:
            self._numpy = np.random.RandomState(seed).get_state()

    @contextmanager
    def entered(self, *, ordered_in: str = "") -> Iterator[None]:
        """Run code in this world.

        Args:
            ordered_in: a module in which `set(x)` keeps the order of x meanwhile. Three games read
                an action into a set of strings, whose order differs from process to process.
        """
        with _LOCK, ExitStack() as stack:
            stack.enter_context(redirect_stdout(io.StringIO()))
            stack.enter_context(_replaced("nltk", "download", _download_nothing))
            if ordered_in:
                stack.enter_context(_replaced(ordered_in, "set", _in_order))
            stack.enter_context(self._python_exchanged())
            if self._with_numpy:
                stack.enter_context(self._numpy_exchanged())
            yield

    @contextmanager
    def _python_exchanged(self) -> Iterator[None]:
        outer = random.getstate()
        random.setstate(self._python)
        try:
            yield
        finally:
            self._python = random.getstate()
            random.setstate(outer)

    @contextmanager
    def _numpy_exchanged(self) -> Iterator[None]:
        outer = np.random.get_state()
        np.random.set_state(self._numpy)
        try:
            yield
        finally:
            self._numpy = np.random.get_state()
            np.random.set_state(outer)


def _in_order(given: Iterable[Any] | None = None) -> set[Any] | dict[Any, None]:
    """In place of `set`: what was given in its own order, to be gone through; else an empty set."""
    return set() if given is None else dict.fromkeys(given)


def _download_nothing(*_: Any, **__: Any) -> bool:
    """In place of `nltk.download`, which answers False where nothing came."""
    return False


@contextmanager
def _replaced(module_name: str, name: str, value: Any) -> Iterator[None]:
    """A global of a module replaced, if the module has been imported."""
    module = sys.modules.get(module_name)
    if module is None:
        yield
        return
    had, before = name in vars(module), vars(module).get(name)
    setattr(module, name, value)
    try:
        yield
    finally:
        if had:
            setattr(module, name, before)
        else:
            delattr(module, name)
