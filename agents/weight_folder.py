"""A folder in which weights are on their way to another program, one version at a time."""

from __future__ import annotations

import shutil
import weakref
from pathlib import Path
from tempfile import mkdtemp


class WeightFolder:
    """Versions of weights; the one before is deleted where a new one begins.

    Attributes:
        path: the folder. One that was made here is deleted with the object.
    """

    def __init__(self, path: str = "") -> None:
        """Use a folder, or make a temporary one."""
        self.path = Path(path).absolute() if path else Path(mkdtemp(prefix="wordle-rl-weights-"))
        self._newest: Path | None = None
        if not path:
            weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)

    def version(self, name: str) -> Path:
        """Where to write the weights of that name."""
        if self._newest is not None:
            shutil.rmtree(self._newest, ignore_errors=True)
        self._newest = self.path / name
        return self._newest
