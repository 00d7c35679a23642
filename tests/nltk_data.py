"""A stand-in for the data of NLTK that some of TextArena's games read, made on the spot."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

TAGGER = "averaged_perceptron_tagger_eng"


def write_words(folder: Path, basic: Iterable[str], english: Iterable[str]) -> None:
    """The corpus `words`: basic English and the long list."""
    corpus = folder / "corpora" / "words"
    corpus.mkdir(parents=True)
    (corpus / "README").write_text("")
    for name, words in (("en", english), ("en-basic", basic)):
        (corpus / name).write_text("".join(f"{word}\n" for word in words))


def write_tagger(folder: Path, tags: Mapping[str, str]) -> None:
    """The tagger, which knows some words and no rules."""
    tagger = folder / "taggers" / TAGGER
    tagger.mkdir(parents=True)
    parts = {"weights": {}, "tagdict": dict(tags), "classes": sorted({*tags.values()})}
    for part, value in parts.items():
        (tagger / f"{TAGGER}.{part}.json").write_text(json.dumps(value))
