"""Builds the word lists under `data/words` from SCOWL, the Debian package `scowl`.

In: SCOWL's tiers (10 is the commonest English, 95 the rarest) and two hand-made lists,
`deny.txt` and `keep.txt`. Out: `answers-N.txt` and `guesses-N.txt` for N = 4 to 8, one word a line,
and `SHA256SUMS`.

    answers = tiers <= 40, american, without inflections (-s, -ed) and comparisons (-er, -est),
              without deny.txt, with keep.txt
    guesses = tiers <= 80, all five spellings

Run `python -m wordle_rl.data.build_words`; with `--check` nothing is written and the exit status is
1 if the committed files differ from a fresh build.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
from collections.abc import Iterator, Sequence, Set
from pathlib import Path

LENGTHS = (4, 5, 6, 7, 8)
TIERS = (10, 20, 35, 40, 50, 55, 60, 70, 80, 95)
ANSWER_TIER, STEM_TIER, GUESS_TIER = 40, 60, 80
AMERICAN = ("english", "american")
ALL_SPELLINGS = (*AMERICAN, "british", "canadian", "australian")

SCOWL_DIR = Path("/usr/share/dict/scowl")
WORDS_DIR = Path(__file__).resolve().parent / "words"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit status."""
    parser = argparse.ArgumentParser(prog="build_words", description="Build the word lists.")
    parser.add_argument("--scowl", type=Path, default=SCOWL_DIR, help="folder with SCOWL's files")
    parser.add_argument("--out", type=Path, default=WORDS_DIR, help="folder to write to")
    parser.add_argument("--check", action="store_true", help="compare with --out, write nothing")
    args = parser.parse_args(argv)
    try:
        files = build(args.scowl)
    except (OSError, ValueError) as error:
        print(f"build_words: {error}", file=sys.stderr)
        return 1
    if args.check:
        return _check(files, args.out)
    args.out.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (args.out / name).write_bytes(content)
    return 0


def build(scowl: Path = SCOWL_DIR, reviewed: Path = WORDS_DIR) -> dict[str, bytes]:
    """Returns the content of every generated file by its name.

    Args:
        scowl: folder with SCOWL's `english-words.10` and its siblings.
        reviewed: folder with `deny.txt` and `keep.txt`.

    Raises:
        OSError: a file is missing.
        ValueError: an entry of `deny.txt` or `keep.txt` changes nothing.
    """
    guesses = read_tiers(scowl, GUESS_TIER, ALL_SPELLINGS)
    answers = _answers(scowl, reviewed)
    files: dict[str, bytes] = {}
    for length in LENGTHS:
        for kind, words in (("answers", answers), ("guesses", guesses)):
            chosen = sorted(word for word in words if len(word) == length)
            files[f"{kind}-{length}.txt"] = "".join(f"{word}\n" for word in chosen).encode()
    digests = (f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files))
    return {**files, "SHA256SUMS": "".join(digests).encode()}


def read_tiers(scowl: Path, highest: int, spellings: Sequence[str]) -> frozenset[str]:
    """Returns SCOWL's a-z words of the given spellings in all tiers up to `highest`."""
    words: set[str] = set()
    for spelling in spellings:
        for tier in TIERS[: TIERS.index(highest) + 1]:
            lines = (scowl / f"{spelling}-words.{tier}").read_text(encoding="utf-8").splitlines()
            words.update(line for line in lines if re.fullmatch("[a-z]+", line))
    return frozenset(words)


def is_inflection(word: str, stems: Set[str]) -> bool:
    """Says whether `word` is a plural, a third person or a past tense of a word in `stems`.

    >>> stems = {"bus", "cry", "plan", "quiz", "use"}
    >>> [is_inflection(word, stems) for word in ("buses", "cries", "planned", "quizzes", "used")]
    [True, True, True, True, True]
    >>> is_inflection("bus", {"bu"})
    False
    """
    return any(stem in stems for stem in _possible_stems(word))


def is_comparison(word: str, stems: Set[str]) -> bool:
    """Says whether `word` is a comparative or a superlative; `stems` must have the other one.

    >>> stems = {"colder", "coldest", "worker"}
    >>> [is_comparison(word, stems) for word in ("colder", "coldest", "worker")]
    [True, True, False]
    """
    if word.endswith("est"):
        return word[:-3] + "er" in stems
    return word.endswith("er") and word[:-2] + "est" in stems


def _possible_stems(word: str) -> Iterator[str]:
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        yield word[:-1]  # cats
        if word.endswith("es"):
            yield word[:-2]  # boxes
            if word[-4:-3] == word[-3]:
                yield word[:-3]  # quizzes
        if word.endswith("ies"):
            yield word[:-3] + "y"  # flies
    elif word.endswith("ed"):
        yield word[:-1]  # baked
        yield word[:-2]  # acted
        if word[-4:-3] == word[-3] or word.endswith("cked"):
            yield word[:-3]  # planned, mimicked
        if word.endswith("ied"):
            yield word[:-3] + "y"  # tried


def _answers(scowl: Path, reviewed: Path) -> frozenset[str]:
    common = {w for w in read_tiers(scowl, ANSWER_TIER, AMERICAN) if len(w) in LENGTHS}
    stems = read_tiers(scowl, STEM_TIER, AMERICAN)
    plain = {w for w in common if not (is_inflection(w, stems) or is_comparison(w, stems))}
    deny, keep = (_read_reviewed(reviewed / name) for name in ("deny.txt", "keep.txt"))
    if idle := sorted(deny - plain):
        raise ValueError(f"deny.txt: no answers anyway, remove them: {', '.join(idle)}")
    if idle := sorted(keep - (common - plain)):
        raise ValueError(f"keep.txt: not removed by a rule, remove them: {', '.join(idle)}")
    return frozenset((plain - deny) | keep)


def _read_reviewed(path: Path) -> frozenset[str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return frozenset(word for line in lines for word in line.partition("#")[0].split())


def _check(files: dict[str, bytes], out: Path) -> int:
    stale = [name for name, new in files.items() if _read_or_none(out / name) != new]
    for name in stale:
        print(f"build_words: {out / name} differs from a fresh build", file=sys.stderr)
    return 1 if stale else 0


def _read_or_none(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


if __name__ == "__main__":
    sys.exit(main())
