"""The word lists: pinned content, splits, a user's own lists and the script that builds them."""

import hashlib
import re
from importlib.resources import files
from pathlib import Path

import pytest

from wordle_rl.data import build_words
from wordle_rl.envs.words import (
    Split,
    WordKind,
    check_words,
    load_words,
    read_word_file,
    split_of,
    split_words,
)
from wordle_rl.errors import ConfigError

LENGTHS = (4, 5, 6, 7, 8)
KINDS: tuple[WordKind, ...] = ("answers", "guesses")
PARTS: tuple[Split, ...] = ("train", "val", "test")
WORDS = files("wordle_rl.data") / "words"

# A new digest changes every result: bump the version of the environments with it.
SHA256 = {
    "answers-4.txt": "d3cc9766588fb6caffafaa246b4969b68d9f8f6f2507e9608b55f00157e1801c",
    "answers-5.txt": "8321ef3b8a47b480d15a8cef4af8f96cf86c78b4ef481ccf5cce94e8dd0fcaea",
    "answers-6.txt": "5d4daaace43cf3ffa08059ab455678acbf0efb25b1673823bc78c6a3d38ed562",
    "answers-7.txt": "7d4d1ae4dc1dfbde992f1d86a6553d1c7db4927c7cb5c1ed59e6e829f983c42a",
    "answers-8.txt": "ca789c9faf15905819716e99b89e9d44173d88d6f35a4d3c70e51ce0405e9b8b",
    "guesses-4.txt": "ebe26d08abef0319880c48c7fd7b6ae9c20b41e0c38c75992b079ee54afba3fc",
    "guesses-5.txt": "e16d28c7e5be3e90f28f05099003cce045b91e6fad13177afc888e40074034e0",
    "guesses-6.txt": "0fca5219ffbfda6159a841a422999bebcae7bc9c16aec2376b207943167bb7ef",
    "guesses-7.txt": "100473f658641ea8260f6f5544c0a77b2fe8ad2372e27a5087000012de691ffe",
    "guesses-8.txt": "0a9c70fa6ebc88c520f08f880a201b5dbea7593a1297d07dcf27a9785e5a8a8a",
}
SPLIT_SIZES = {
    4: (1285, 142, 146),
    5: (1716, 205, 225),
    6: (2380, 306, 343),
    7: (2927, 379, 359),
    8: (3069, 355, 335),
}


def reviewed(name: str) -> set[str]:
    """The entries of `deny.txt` or `keep.txt`, read without the code under test."""
    text = (WORDS / name).read_text(encoding="utf-8")
    return set(re.sub("#.*", "", text).split())


# --- the packaged lists


@pytest.mark.parametrize("name", sorted(SHA256))
def test_list_is_the_pinned_one(name: str) -> None:
    assert hashlib.sha256((WORDS / name).read_bytes()).hexdigest() == SHA256[name]


def test_sha256sums_lists_every_list() -> None:
    lines = (WORDS / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    assert lines == [f"{digest}  {name}" for name, digest in sorted(SHA256.items())]


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("kind", KINDS)
def test_words_are_sorted_unique_and_a_to_z(kind: WordKind, length: int) -> None:
    words = load_words(kind, length)
    assert list(words) == sorted(set(words))
    assert all(re.fullmatch(f"[a-z]{{{length}}}", word) for word in words)


@pytest.mark.parametrize("length", LENGTHS)
def test_answers_are_guesses(length: int) -> None:
    assert set(load_words("answers", length)) < set(load_words("guesses", length))


def test_five_letters_are_the_default_and_are_loaded_once() -> None:
    assert load_words("answers")[:3] == ("aback", "abash", "abate")
    assert load_words("answers") is load_words("answers")


def test_good_openers_are_legal() -> None:
    assert {"crane", "slate", "salet", "raise", "stare", "adieu"} < set(load_words("guesses"))


def test_denied_words_are_legal_guesses_but_no_answers() -> None:
    denied = reviewed("deny.txt")
    assert not denied & {word for n in LENGTHS for word in load_words("answers", n)}
    assert denied < {word for n in LENGTHS for word in load_words("guesses", n)}


def test_kept_words_are_answers() -> None:
    assert reviewed("keep.txt") < {word for n in LENGTHS for word in load_words("answers", n)}


def test_odd_forms_are_no_answers() -> None:
    odd = {"taxis", "menus", "direr", "nuder", "laxer", "gonna", "gimme", "multi", "books", "baked"}
    assert not odd & set(load_words("answers"))


def test_scowl_notice_is_shipped() -> None:
    notice = (WORDS / "SCOWL-COPYRIGHT").read_text(encoding="utf-8")
    assert "Permission to use, copy, modify, distribute and sell" in notice
    assert "UK Advanced Cryptics Dictionary" in notice


@pytest.mark.parametrize("length", [3, 9, 0, -5])
def test_other_lengths_are_refused(length: int) -> None:
    with pytest.raises(ConfigError, match=f"length {length}: choose 4 to 8"):
        load_words("answers", length)


def test_unknown_kind_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"'answer': did you mean 'answers'\?"):
        load_words("answer")  # type: ignore[arg-type]


# --- splits


@pytest.mark.parametrize("length", LENGTHS)
def test_splits_partition_the_answers(length: int) -> None:
    answers = load_words("answers", length)
    parts = [split_words(answers, part) for part in PARTS]
    assert sorted(word for part in parts for word in part) == list(answers)
    assert tuple(len(part) for part in parts) == SPLIT_SIZES[length]
    assert split_words(answers, "all") == answers


@pytest.mark.parametrize("length", LENGTHS)
def test_splits_are_about_80_10_10(length: int) -> None:
    sizes = SPLIT_SIZES[length]
    for size, share in zip(sizes, (0.8, 0.1, 0.1), strict=True):
        assert size / sum(sizes) == pytest.approx(share, abs=0.025)


def test_split_is_the_documented_hash() -> None:
    for word in load_words("answers"):
        bucket = int(hashlib.sha256(b"wordle-rl:" + word.encode()).hexdigest(), 16) % 100
        assert split_of(word) == ("train" if bucket < 80 else "val" if bucket < 90 else "test")


def test_split_keeps_the_order_given() -> None:
    backwards = load_words("answers")[::-1]
    assert split_words(backwards, "val") == split_words(load_words("answers"), "val")[::-1]


def test_unknown_split_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"'tests': did you mean 'test'\?"):
        split_words(["crane"], "tests")  # type: ignore[arg-type]


# --- a user's own lists


def test_read_word_file_cleans_up(tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_bytes(b"\xef\xbb\xbf# my words\r\n\r\n  Slate \r\ncrane # an opener\r\nSLATE\r\n")
    assert read_word_file(path) == ("crane", "slate")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b"crane\n\ncaf\xc3\xa9s\n",
            "{path}:3: 'caf\u00e9s' is not a word of a-z: one word a line",
        ),
        (b"crane slate\n", "{path}:1: 'crane slate' is not a word of a-z: one word a line"),
        (b"it's\n", '{path}:1: "it\'s" is not a word of a-z: one word a line'),
        (
            b"crane\n# n\nplanet\n",
            "{path}:3: 'planet' has 6 letters, not 5: keep one length a list",
        ),
        (b"", "{path}: no words in it: write one word a line"),
        (b"# nothing\n\n", "{path}: no words in it: write one word a line"),
        (b"crane\n\xff\xfe\n", "{path}: not a text file in UTF-8: save it as one"),
    ],
)
def test_read_word_file_names_the_mistake(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "mine.txt"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read_word_file(path)
    assert str(caught.value) == message.format(path=path)


def test_missing_file_and_folder_are_refused(tmp_path: Path) -> None:
    for path, reason in ((tmp_path / "none.txt", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(ConfigError, match=reason) as caught:
            read_word_file(path)
        assert str(caught.value).startswith(f"{path}: ")


def test_check_words_takes_a_length() -> None:
    assert check_words(["trace", "crane"], source="mine", length=5) == ("crane", "trace")
    with pytest.raises(ConfigError, match=r"^mine:1: 'planet' has 6 letters, not 5: "):
        check_words(["planet", "crane"], source="mine", length=5)


# --- the script that builds the lists


@pytest.mark.skipif(not build_words.SCOWL_DIR.is_dir(), reason="the Debian package scowl is absent")
def test_committed_lists_are_a_fresh_build() -> None:
    assert build_words.main(["--check"]) == 0


@pytest.mark.parametrize("word", ["cats", "boxes", "flies", "quizzes", "baked", "acted", "tried"])
def test_inflections_are_seen(word: str) -> None:
    assert build_words.is_inflection(word, {"cat", "box", "fly", "quiz", "bake", "act", "try"})


@pytest.mark.parametrize("word", ["glass", "bus", "oasis", "bed", "ted", "s", "crane", "speed"])
def test_other_words_are_no_inflections(word: str) -> None:
    assert not build_words.is_inflection(word, {"glas", "bu", "oasi", "crane", "speedy"})


def tiny_scowl(folder: Path) -> Path:
    """Writes SCOWL's file names with a handful of words in three tiers."""
    common = ["bleak", "bleaker", "bleakest", "crane", "cranes", "gonna", "naked", "can't", "Paris"]
    for spelling in build_words.ALL_SPELLINGS:
        for tier in build_words.TIERS:
            words = {
                ("english", 10): common,
                ("american", 50): ["nake"],
                ("british", 80): ["salet"],
            }
            text = "\n".join(words.get((spelling, tier), []))
            (folder / f"{spelling}-words.{tier}").write_text(text, encoding="utf-8")
    return folder


def write_reviewed(folder: Path, deny: str, keep: str) -> Path:
    (folder / "deny.txt").write_text(f"# no\n{deny}\n", encoding="utf-8")
    (folder / "keep.txt").write_text(f"# yes\n{keep}\n", encoding="utf-8")
    return folder


def test_build_applies_rules_and_reviews(tmp_path: Path) -> None:
    lists = build_words.build(tiny_scowl(tmp_path), write_reviewed(tmp_path, "gonna", "naked"))
    assert lists["answers-5.txt"] == b"bleak\ncrane\nnaked\n"
    assert lists["guesses-5.txt"] == b"bleak\ncrane\ngonna\nnaked\nsalet\n"
    assert (lists["answers-6.txt"], lists["guesses-6.txt"]) == (b"", b"cranes\n")
    assert (lists["answers-7.txt"], lists["guesses-7.txt"]) == (b"", b"bleaker\n")


@pytest.mark.parametrize(("deny", "keep", "idle"), [("cranes", "", "deny"), ("", "crane", "keep")])
def test_build_refuses_idle_reviews(tmp_path: Path, deny: str, keep: str, idle: str) -> None:
    with pytest.raises(ValueError, match=rf"^{idle}\.txt: .*{deny or keep}$"):
        build_words.build(tiny_scowl(tmp_path), write_reviewed(tmp_path, deny, keep))


def test_script_says_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert build_words.main(["--scowl", str(tmp_path / "none")]) == 1
    assert re.match(r"build_words: .*none/english-words\.10", capsys.readouterr().err)


@pytest.mark.skipif(not build_words.SCOWL_DIR.is_dir(), reason="the Debian package scowl is absent")
def test_script_writes_and_check_sees_a_change(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert build_words.main(["--out", str(out)]) == 0
    assert build_words.main(["--out", str(out), "--check"]) == 0
    (out / "answers-5.txt").write_text("crane\n", encoding="utf-8")
    assert build_words.main(["--out", str(out), "--check"]) == 1
    assert "answers-5.txt differs" in capsys.readouterr().err
