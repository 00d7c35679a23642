"""The frozen suites: pinned, disjoint, and hashed by everything that fixes a game."""

from dataclasses import replace

import pytest

from wordle_rl.envs import make_env
from wordle_rl.envs.guess_number import GuessNumberEnv
from wordle_rl.envs.lexicon import find_lexicon
from wordle_rl.envs.wordle import WordleEnv
from wordle_rl.envs.wordle_text import ChatVoice
from wordle_rl.envs.words import load_words, split_of
from wordle_rl.errors import ConfigError
from wordle_rl.evaluation.suites import (
    Protocol,
    load_suite,
    seeded_suite,
    suite_for,
    suite_names,
    wordle_lists_suite,
)

PINNED: dict[str, tuple[int, str]] = {  # tasks, and how the hash begins
    "wordle-train": (1716, "34dcb294ae1d1f3b"),
    "wordle-val": (205, "8a473227504645a6"),
    "wordle-heldout": (225, "837f3920700be0b8"),
    "wordle-all": (2146, "ea177b02db079170"),
    "wordle-hard-train": (1716, "1ac6c4915a527592"),
    "wordle-hard-val": (205, "1b65df1e82caf455"),
    "wordle-hard-heldout": (225, "1fd7e2adb54a136f"),
    "wordle-hard-all": (2146, "af17ebf98c4805e4"),
    "textarena-wordle-train": (1716, "de2599406c5863b7"),
    "textarena-wordle-val": (205, "982b1a2f1a6584f9"),
    "textarena-wordle-heldout": (225, "9445febfc495e683"),
    "textarena-wordle-all": (2146, "b7e9fb1f568e1137"),
    "guess-number-100": (7, "0ca303ca968d1b07"),
    "guess-number-100-train": (87, "cebb9487a8253d50"),
    "guess-number-100-val": (6, "289f06f709f52364"),
    "guess-number-100-all": (100, "ba96f00118edb166"),
    "guess-number-1000": (109, "836fb599f9490a79"),
    "guess-number-1000-train": (797, "ccc7a4864581bb78"),
    "guess-number-1000-val": (94, "cbd5fb919ab0ed20"),
    "guess-number-1000-all": (1000, "7b0cbc746ce0901b"),
    "math-1": (500, "9be43e24e661c16a"),
    "math-1-train": (500, "a9486c1c62cf7675"),
    "math-1-val": (500, "d8625e81ff08b386"),
    "math-1-all": (500, "f31be88db43fe83e"),
    "math-2": (500, "08f01e170e5729ee"),
    "math-2-train": (500, "ea897b950fc4275d"),
    "math-2-val": (500, "2d7e5aa73b72db92"),
    "math-2-all": (500, "757e9a755cad4461"),
    "math-3": (500, "d391a4c224b8800c"),
    "math-3-train": (500, "6467221a1aeebe15"),
    "math-3-val": (500, "cec058466d60894c"),
    "math-3-all": (500, "33f1f1f43d51238f"),
    "math-4": (500, "56183273e5c0cdc7"),
    "math-4-train": (500, "e319293dc7e1b935"),
    "math-4-val": (500, "feb8ae5a6b3f7700"),
    "math-4-all": (500, "03ae0adbeb28f612"),
    "math-5": (500, "40159445cee7770e"),
    "math-5-train": (500, "6ab53c9abb13df01"),
    "math-5-val": (500, "8b7bdc7a55d70156"),
    "math-5-all": (500, "831d74b54261ef87"),
    "mastermind-4x6": (140, "381aa876fb465624"),
    "mastermind-4x6-train": (1028, "b336c7645cb95665"),
    "mastermind-4x6-val": (128, "0b38895144bdfded"),
    "mastermind-4x6-all": (1296, "130b4bafa5aa5798"),
    "textarena-frozenlake": (200, "b1b919b2f75de768"),
    "textarena-frozenlake-train": (200, "511405028372be2a"),
    "textarena-frozenlake-val": (200, "3e3fd98670a5063a"),
    "textarena-frozenlake-all": (200, "24840b776f977d10"),
    "textarena-lightsout": (200, "a4a6e13eda97a747"),
    "textarena-lightsout-train": (200, "8cdcca45be90562b"),
    "textarena-lightsout-val": (200, "f90920dba2fb8004"),
    "textarena-lightsout-all": (200, "8b44a89a989a382c"),
    "textarena-mastermind": (200, "2928b661124ccc29"),
    "textarena-mastermind-train": (200, "08acf5a753f42982"),
    "textarena-mastermind-val": (200, "eafaf6acecf37501"),
    "textarena-mastermind-all": (200, "f560998073b008dc"),
    "textarena-minesweeper": (200, "333a2d9df84a1fbb"),
    "textarena-minesweeper-train": (200, "ff5075a19ff87e2f"),
    "textarena-minesweeper-val": (200, "7736c2c42765cca4"),
    "textarena-minesweeper-all": (200, "ce69e12ab24d6fef"),
    "tictactoe-random": (200, "84d4b2f95396d0c8"),
    "tictactoe-random-train": (200, "e3302ce588e04dda"),
    "tictactoe-random-val": (200, "9fc02907ddaa4b31"),
    "tictactoe-random-all": (200, "728fa295b3c5f1c7"),
    "tictactoe-perfect": (200, "c062590effdc4b6a"),
    "tictactoe-perfect-train": (200, "18aea97c8148b70c"),
    "tictactoe-perfect-val": (200, "5438ceb3aee19e9b"),
    "tictactoe-perfect-all": (200, "0a63c2189b538df7"),
    "nim-random": (200, "1eae7119064bef3c"),
    "nim-random-train": (200, "edea0f8a46a52d94"),
    "nim-random-val": (200, "b32b2e774a2b2929"),
    "nim-random-all": (200, "7f1c34066c5cfa16"),
    "nim-perfect": (200, "2ae57503297676e0"),
    "nim-perfect-train": (200, "9f9e1f07209df51f"),
    "nim-perfect-val": (200, "74524a71d3ba1e70"),
    "nim-perfect-all": (200, "75f8f57e8f04dee3"),
    "tictactoe-perfect-first": (200, "eb1400a6f49228c0"),
    "tictactoe-perfect-first-train": (200, "9ca56b2674e1282b"),
    "tictactoe-perfect-first-val": (200, "228cd10679ab6908"),
    "tictactoe-perfect-first-all": (200, "b0086671e48cd17f"),
    "tictactoe-perfect-second": (200, "6bf491f5bafb812d"),
    "tictactoe-perfect-second-train": (200, "3a9eb70c4e71a509"),
    "tictactoe-perfect-second-val": (200, "a7a645de0e657469"),
    "tictactoe-perfect-second-all": (200, "1fa67d7f26311eaa"),
    "nim-perfect-first": (200, "6369a26796f8fc9f"),
    "nim-perfect-first-train": (200, "2accdf193724b100"),
    "nim-perfect-first-val": (200, "f2eaf177c3af1de7"),
    "nim-perfect-first-all": (200, "f5e8eeda22d51707"),
    "nim-perfect-second": (200, "7f43b87d465089fa"),
    "nim-perfect-second-train": (200, "4578c64f03bdce13"),
    "nim-perfect-second-val": (200, "d8df7a6750e588b1"),
    "nim-perfect-second-all": (200, "eb97b198c1e8eceb"),
}


def test_every_suite_is_pinned() -> None:
    assert set(PINNED) == set(suite_names())


@pytest.mark.parametrize("name", PINNED)
def test_a_frozen_suite_does_not_change(name: str) -> None:
    suite = load_suite(name)
    assert (len(suite.tasks), suite.suite_hash[:16]) == PINNED[name]


def test_the_splits_share_no_secret_and_leave_none_out() -> None:
    train, val, heldout = (
        set(load_suite(name).secrets) for name in ("wordle-train", "wordle-val", "wordle-heldout")
    )
    assert train.isdisjoint(val)
    assert train.isdisjoint(heldout)
    assert val.isdisjoint(heldout)
    assert train | val | heldout == set(load_suite("wordle-all").secrets)
    assert train | val | heldout == set(load_words("answers", 5))


@pytest.mark.parametrize("name", [name for name in PINNED if name.startswith("wordle")])
def test_tasks_name_their_secret_and_can_be_played(name: str) -> None:
    suite = load_suite(name)
    assert [task.task_id for task in suite.tasks] == [f"{name}/{s}" for s in suite.secrets]
    task = suite.tasks[0]
    env = make_env(task.env_id, **suite.env_options)
    env.reset(seed=task.seed, options=dict(task.options))
    info = env.step(f"[{suite.secrets[0]}]")[4]
    assert info["solved"]
    assert env.public()["max_guesses"] == suite.protocol.max_guesses


def test_the_hash_covers_what_fixes_a_game() -> None:
    suite = load_suite("wordle-val")
    changes = [
        replace(suite, env_id="wordle-rl/WordleHard-v0"),
        replace(suite, env_options={**suite.env_options, "invalid_policy": "free"}),
        replace(suite, tasks=suite.tasks[1:]),
        replace(suite, tasks=suite.tasks[::-1]),
        replace(suite, lists_hash="other lists"),
        replace(suite, protocol=Protocol(max_guesses=7, samples=4)),
        replace(suite, protocol=Protocol(max_guesses=6, temperature=0.7)),
    ]
    hashes = {suite.suite_hash, *(changed.suite_hash for changed in changes)}
    assert len(hashes) == 1 + len(changes)


def test_the_hash_is_not_of_the_name_or_the_number_of_samples() -> None:
    suite = load_suite("wordle-val")
    renamed = replace(suite, name="mine", protocol=Protocol(max_guesses=6, samples=1))
    assert renamed.suite_hash == suite.suite_hash


def test_a_subset_is_fixed_and_says_that_it_is_one() -> None:
    suite = load_suite("wordle-train")
    subset = suite.subset(225)
    assert subset == suite.subset(225)
    assert subset != suite.subset(225, seed=1)
    assert len(subset.tasks) == 225
    assert subset.name == "wordle-train[225]"
    assert subset.suite_hash != suite.suite_hash
    assert subset.secrets == tuple(s for s in suite.secrets if s in subset.secrets)
    assert len({secret[0] for secret in subset.secrets}) > 15


def test_a_subset_of_everything_is_the_suite() -> None:
    suite = load_suite("wordle-val")
    assert suite.subset(205) is suite
    assert suite.subset(9999) is suite


@pytest.mark.parametrize("split", ["train", "val", "test", "all"])
def test_a_suite_on_another_split(split: str) -> None:
    assert load_suite("wordle-heldout", split=split).split == split


@pytest.mark.parametrize(
    ("name", "split", "message"),
    [
        ("wordle-held-out", None, "did you mean 'wordle-heldout'"),
        ("wordle-val", "tests", "did you mean 'test'"),
    ],
)
def test_unknown_names_get_the_nearest(name: str, split: str | None, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_suite(name, split)


def test_an_empty_subset_is_refused() -> None:
    with pytest.raises(ConfigError, match="at least one secret"):
        load_suite("wordle-val").subset(0)


# --- other games


def test_numbers_of_the_splits_do_not_meet() -> None:
    names = ("guess-number-1000-train", "guess-number-1000-val", "guess-number-1000")
    train, val, test = (set(load_suite(name).secrets) for name in names)
    assert (len(train), len(val), len(test)) == (797, 94, 109)
    assert not train & val | train & test | val & test


@pytest.mark.parametrize("difficulty", range(1, 6))
def test_problems_of_the_splits_do_not_meet(difficulty: int) -> None:
    names = (f"math-{difficulty}-train", f"math-{difficulty}-val", f"math-{difficulty}")
    train, val, test = (set(load_suite(name).secrets) for name in names)
    assert {len(train), len(val), len(test)} == {500}
    assert not train & val | train & test | val & test


def test_duels_are_played_from_both_seats() -> None:
    suite = load_suite("tictactoe-perfect")
    assert [task.options["seat"] for task in suite.tasks[:4]] == [0, 1, 0, 1]
    for seat, name in enumerate(("first", "second")):
        alone = load_suite(f"tictactoe-perfect-{name}")
        assert {task.options["seat"] for task in alone.tasks} == {seat}
    assert not suite.names_secrets
    other = load_suite("tictactoe-perfect-val")
    assert {t.seed for t in suite.tasks}.isdisjoint(t.seed for t in other.tasks)


@pytest.mark.parametrize(
    ("env_id", "options", "name"),
    [
        ("wordle", {}, "wordle-heldout"),
        ("wordle-rl/Wordle-v0", {}, "wordle-heldout"),
        ("wordle", {"max_guesses": 6}, "wordle-heldout"),
        ("wordle", {"hard_mode": True}, "wordle(test)"),
        ("guess-number", {}, "guess-number-100"),
        ("guess-number", {"hi": 1000}, "guess-number-1000"),
        ("guess-number", {"hi": 500}, "guess-number(test)"),
        ("textarena:TicTacToe-v0", {"opponent": "perfect"}, "tictactoe-perfect"),
        ("textarena:TicTacToe-v0", {}, "tictactoe-random"),
        ("hangman", {}, "hangman(test)"),
    ],
)
def test_what_a_game_is_measured_on(env_id: str, options: dict[str, object], name: str) -> None:
    assert suite_for(env_id, options, "test").name == name


def test_a_suite_by_seed_draws_from_its_split() -> None:
    suites = {split: seeded_suite("wordle-hard", {}, split, n=30) for split in ("val", "test")}
    for split, suite in suites.items():
        assert len(suite.tasks) == 30
        env = make_env(suite.env_id, **suite.env_options)
        assert isinstance(env, WordleEnv)
        assert {split_of(word) for word in env.answers} == {split}
    assert suites["val"].suite_hash != suites["test"].suite_hash
    assert suites["val"].suite_hash == seeded_suite("wordle-hard", {}, "val", n=30).suite_hash


def test_wordle_on_lists_of_ones_own() -> None:
    lexicon = find_lexicon(4, "all", ("barn", "darn", "yarn"), ("bowl", "dawn"))
    suite = wordle_lists_suite(lexicon, "mine.txt")
    assert suite.name == "wordle-all(mine.txt)"
    assert suite.secrets == ("barn", "darn", "yarn")
    env = make_env(suite.env_id, **suite.env_options)
    assert isinstance(env, WordleEnv)
    assert env.guesses == ("barn", "bowl", "darn", "dawn", "yarn")
    other = wordle_lists_suite(
        find_lexicon(4, "all", ("barn", "darn", "yarn"), ("bowl",)), "mine.txt"
    )
    hard = wordle_lists_suite(lexicon, "mine.txt", hard_mode=True)
    moved = wordle_lists_suite(lexicon, "elsewhere.txt")
    assert len({suite.suite_hash, other.suite_hash, hard.suite_hash}) == 3
    assert moved.suite_hash == suite.suite_hash


def test_the_prompt_is_part_of_the_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    suite = load_suite("wordle-val")
    before = suite.prompt_hash, suite.suite_hash
    monkeypatch.setattr(ChatVoice, "opening", lambda self: "Play well.")
    assert suite.prompt_hash != before[0]
    assert suite.suite_hash != before[1]


def test_the_hash_tells_drawings_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Equal seeds that draw other secrets than before are another suite."""
    by_seed = suite_for("guess-number", {"hi": 500}, "train")
    named = suite_for("guess-number", {"hi": 1000}, "train")
    before = by_seed.suite_hash, named.suite_hash
    monkeypatch.setattr(GuessNumberEnv, "DRAW_VERSION", 1)
    assert by_seed.suite_hash != before[0]
    assert named.suite_hash == before[1], "it names its secrets"


@pytest.mark.parametrize(
    ("name", "suite"),
    [
        ("hangman", "hangman(test)"),
        ("guess-number", "guess-number-100"),
        ("examples.hot_cold:HotCold", "examples.hot_cold:HotCold(test)"),
        ("textarena:Sokoban-v0", "textarena:Sokoban-v0(test)"),
    ],
)
def test_a_game_is_a_suite_by_its_name(name: str, suite: str) -> None:
    assert load_suite(name).name == suite
    assert load_suite(name, "val").split == "val"
