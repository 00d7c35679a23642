"""The word lists: loading the packaged ones, checking a user's own, splitting train from held-out.

In: `data/words/answers-N.txt` and `guesses-N.txt` for N = 4 to 8, made from SCOWL by
`data/build_words.py`. Out: sorted tuples of lower-case a-z words. A word's split is a property of
its spelling alone, so it is the same in every list and stays when a list grows.
"""

import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Literal, get_args

from wordle_rl.errors import ConfigError, unknown_name

WordKind = Literal["answers", "guesses"]
Split = Literal["train", "val", "test", "all"]

MIN_LENGTH, MAX_LENGTH = 4, 8


def load_words(kind: WordKind, length: int = 5) -> tuple[str, ...]:
    """Returns a packaged list, sorted; it is read once. The guesses contain the answers.

    Args:
        kind: "answers" for words that can be a secret, "guesses" for words that can be played.
        length: letters in a word, 4 to 8.

    Raises:
        ConfigError: there is no such list.

    >>> len(load_words("answers")), len(load_words("guesses"))
    (2146, 11205)
    """
    if kind not in get_args(WordKind):
        raise unknown_name("word list", kind, get_args(WordKind))
    if length not in range(MIN_LENGTH, MAX_LENGTH + 1):
        raise ConfigError(
            f"no packaged words of length {length!r}: choose {MIN_LENGTH} to {MAX_LENGTH}, "
            "or give lists of your own"
        )
    return _read_packaged(f"{kind}-{length}.txt")


def split_of(word: str) -> Literal["train", "val", "test"]:
    """Returns the split of a word: 80 % of all words train, 10 % are val and 10 % test.

    >>> split_of("crane"), split_of("slate"), split_of("abbey")
    ('train', 'train', 'train')
    """
    bucket = int(hashlib.sha256(f"wordle-rl:{word}".encode()).hexdigest(), 16) % 100
    if bucket < 80:
        return "train"
    return "val" if bucket < 90 else "test"


def split_words(words: Iterable[str], split: Split) -> tuple[str, ...]:
    """Returns the words of one split in the order given; "all" returns every word.

    Raises:
        ConfigError: there is no such split.
    """
    if split not in get_args(Split):
        raise unknown_name("split", split, get_args(Split))
    return tuple(word for word in words if split == "all" or split_of(word) == split)


def read_word_file(path: Path) -> tuple[str, ...]:
    """Reads a user's list: one word a line, blank lines and `#` comments skipped.

    Returns:
        The words as `check_words` returns them.

    Raises:
        ConfigError: the file cannot be read, or `check_words` refuses what is in it.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not a text file in UTF-8: save it as one") from None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ConfigError(f"{path}: cannot be read ({reason}): check the path") from None
    return check_words(lines, source=str(path))


def check_words(words: Iterable[str], *, source: str, length: int | None = None) -> tuple[str, ...]:
    """Returns a user's words stripped, lower-cased, without duplicates, sorted.

    Args:
        words: one word each, such as the lines of a file. Blank ones and `#` comments are skipped.
        source: what to call the list in an error message, such as the path of the file.
        length: letters in a word; by default the length of the first word.

    Raises:
        ConfigError: a word is not a-z or not of the length, or there are no words. The message
            begins with `source:line:`, where lines count from 1.

    >>> check_words(["Crane", "", "# note", "abbey", "crane "], source="mine")
    ('abbey', 'crane')
    >>> check_words(["crane", "crate", "planes"], source="mine")
    Traceback (most recent call last):
    wordle_rl.errors.ConfigError: mine:3: 'planes' has 6 letters, not 5: keep one length a list
    """
    found: set[str] = set()
    for line, word in _numbered_words(words):
        length = len(word) if length is None else length
        if not (word.isascii() and word.isalpha()):
            raise ConfigError(f"{source}:{line}: {word!r} is not a word of a-z: one word a line")
        if len(word) != length:
            raise ConfigError(
                f"{source}:{line}: {word!r} has {len(word)} letters, not {length}: "
                "keep one length a list"
            )
        found.add(word)
    if not found:
        raise ConfigError(f"{source}: no words in it: write one word a line")
    return tuple(sorted(found))


def lists_hash(answers: Iterable[str], guesses: Iterable[str]) -> str:
    """The sha256 of two lists, in hexadecimal: what tells games with other words apart."""
    return hashlib.sha256("\n".join([*answers, "", *guesses]).encode()).hexdigest()


@cache
def _read_packaged(name: str) -> tuple[str, ...]:
    path = files("wordle_rl.data") / "words" / name
    return tuple(path.read_text(encoding="utf-8").split())


def _numbered_words(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(lines, start=1):
        if word := line.partition("#")[0].strip().lower():
            yield number, word
