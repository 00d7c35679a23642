"""The weights that come with the package, by name."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

BUILT_IN = {
    "nano": "what imitation made: it plays Wordle, guess-number and math",
    "champion": "nano after reinforcement learning on all three",
    "seedling": "an early nano that knows some Wordle: where the default training begins",
}
"""Name -> what they are."""


def built_in_path(name: str) -> Path:
    """The model folder of one of `BUILT_IN`."""
    return Path(str(files("wordle_rl.data") / name))
