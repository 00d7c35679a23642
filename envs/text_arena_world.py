"""A world of its own for code that uses the process-wide one.

TextArena's games draw from Python's and numpy's global generators, print while they play, and call
`nltk.download` when they are made. A `PrivateWorld` holds the random state of one game: code run
inside `entered()` finds that state in the global generators, prints into nothing and downloads
nothing, and everything is as it was afterwards. So games do not disturb each other or their user.
"""

from __future__ import annotations

import io
import random
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from typing import Any

import numpy as np

_LOCK = threading.RLock()
"""The generators and the standard output belong to the process: one game at a time has them."""


class PrivateWorld:
    """The random state of one game, in the form that the global generators understand."""

    def __init__(self) -> None:
        self.seed(0)

    def seed(self, seed: int) -> None:
        """Start both generators anew from a seed in [0, 2**32)."""
        self._python = random.Random(seed).getstate()
        self._numpy = np.random.RandomState(seed).get_state()

    @contextmanager
    def entered(self, *, ordered_in: str = "") -> Iterator[None]:
        """Run code in this world.

        Args:
            ordered_in: a module in which `set(x)` keeps the order of x meanwhile. Two games read
                an action into a set of strings, whose order differs from process to process.
                There must be no `set()` without an argument in it.
        """
        with _LOCK, ExitStack() as stack:
            stack.enter_context(redirect_stdout(io.StringIO()))
            stack.enter_context(_replaced("nltk", "download", _download_nothing))
            if ordered_in:
                stack.enter_context(_replaced(ordered_in, "set", dict.fromkeys))
            outer = random.getstate(), np.random.get_state()
            random.setstate(self._python)
            np.random.set_state(self._numpy)
            try:
                yield
            finally:
                self._python, self._numpy = random.getstate(), np.random.get_state()
                random.setstate(outer[0])
                np.random.set_state(outer[1])


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
