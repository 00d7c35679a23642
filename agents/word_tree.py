"""A whole way of playing Wordle as a decision tree: what to guess after every answer.

In: the guesses that find each word, one word a line, as `wordle-rl solve` writes them. Out: the
next guess for every history the tree can meet, looked up in microseconds. The trees of our own
lists of five letters ship in `data/trees`; any other is read from its file.

A file says in its head which lists it is for and what it needs on average. Its lines are checked
when it is read: each must end in its word, and the same answers must lead to the same guess.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path

from wordle_rl.agents.solver import History
from wordle_rl.envs.feedback import feedback
from wordle_rl.envs.hard_mode import hard_mode_violation
from wordle_rl.envs.words import lists_hash
from wordle_rl.errors import ConfigError

FORMAT = "# wordle-rl tree 1"
LISTS = "# lists "
PACKAGED = ("wordle-5.txt", "wordle-5-hard.txt")
"""The trees that ship: the first keeps to no rule but the game's, the second to hard mode's too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WordTree:
    """The guesses for every word of a list."""

    paths: tuple[tuple[str, ...], ...]
    """For each answer the guesses up to it, in the order of the answers."""
    moves: Mapping[tuple[tuple[str, str], ...], str]
    """History of (guess, feedback) -> the next guess."""
    lists_hash: str
    """`words.lists_hash` of what it was made for."""
    hard_mode: bool
    """Whether its guesses keep to the rules of hard mode."""

    def next_guess(self, history: History) -> str | None:
        """What to play; None after a guess or an answer that the tree does not meet."""
        return self.moves.get(tuple(history))

    @property
    def total(self) -> int:
        """Guesses that find every word once, summed."""
        return sum(map(len, self.paths))

    @property
    def mean(self) -> float:
        """Guesses for a word on average."""
        return self.total / len(self.paths)

    @property
    def histogram(self) -> dict[int, int]:
        """Words by the number of guesses that find them."""
        return dict(sorted(Counter(map(len, self.paths)).items()))


def make_tree(paths: Sequence[Sequence[str]], lists: str, *, source: str = "tree") -> WordTree:
    """A tree from the guesses for each word.

    Args:
        paths: for each word the guesses up to it.
        lists: `words.lists_hash` of the lists it is for.
        source: what to call it in an error message.

    Raises:
        ConfigError: a line wins before its end, or two lines part without a reason.
    """
    moves: dict[tuple[tuple[str, str], ...], str] = {}
    hard_mode = True
    for path in paths:
        history: tuple[tuple[str, str], ...] = ()
        for guess in path:
            if moves.setdefault(history, guess) != guess or (
                history and history[-1][0] == path[-1]
            ):
                raise ConfigError(
                    f"{source}: the line of {path[-1]!r} is at odds with another one: "
                    "make the tree again with wordle-rl solve"
                )
            hard_mode = hard_mode and hard_mode_violation(history, guess) is None
            history = (*history, (guess, feedback(guess, path[-1])))
    return WordTree(
        paths=tuple(map(tuple, paths)), moves=moves, lists_hash=lists, hard_mode=hard_mode
    )


def tree_text(tree: WordTree) -> str:
    """The file of a tree; `read_tree` is the way back."""
    spread = ", ".join(f"{n}: {words}" for n, words in tree.histogram.items())
    head = [
        FORMAT,
        LISTS + tree.lists_hash,
        f"# {tree.total} guesses for {len(tree.paths)} words, {tree.mean:.4f} on average; {spread}",
    ]
    return "\n".join([*head, *map(" ".join, tree.paths), ""])


def read_tree(path: Path) -> WordTree:
    """The tree of a file.

    Raises:
        ConfigError: it cannot be read, or is no tree.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text"
        raise ConfigError(
            f"tree {str(path)!r}: cannot be read ({reason}): check the path"
        ) from None
    return parse_tree(text, source=f"tree {str(path)!r}")


def parse_tree(text: str, *, source: str = "tree") -> WordTree:
    """The tree in the text of a file.

    Raises:
        ConfigError: it is no tree.
    """
    lines = text.splitlines()
    if lines[:1] != [FORMAT] or len(lines) < 4 or not lines[1].startswith(LISTS):
        raise ConfigError(f"{source}: not a tree: make one with wordle-rl solve")
    paths = [line.split() for line in lines[3:]]
    words = [word for path in paths for word in path]
    if not all(paths) or {len(word) for word in words} != {len(words[0])}:
        raise ConfigError(f"{source}: a line is damaged: make the tree again with wordle-rl solve")
    return make_tree(paths, lines[1].removeprefix(LISTS), source=source)


@lru_cache(maxsize=32)
def packaged_tree(
    answers: tuple[str, ...], guesses: tuple[str, ...], *, hard_mode: bool
) -> WordTree | None:
    """The tree that ships for two lists; None where there is none."""
    tree = _packaged(PACKAGED[hard_mode])
    return tree if tree.lists_hash == lists_hash(answers, guesses) else None


@cache
def _packaged(name: str) -> WordTree:
    return parse_tree((files("wordle_rl.data") / "trees" / name).read_text(encoding="utf-8"))
