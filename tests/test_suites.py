"""The frozen suites: pinned, disjoint, and hashed by everything that fixes a game."""

from dataclasses import replace

import pytest

from wordle_rl.envs import make_env
from wordle_rl.envs.wordle import WordleEnv
from wordle_rl.envs.words import load_words, split_of
from wordle_rl.errors import ConfigError
from wordle_rl.evaluation.suites import (
    Protocol,
    load_suite,
    seeded_suite,
    suite_for,
    suite_names,
)

PINNED: dict[str, tuple[int, str]] = {  # tasks, and how the hash begins
    "wordle-train": (1716, "f0d3f54764213a47"),
    "wordle-val": (205, "92e92b1358d2519d"),
    "wordle-heldout": (225, "a9e1d64f5ab8564e"),
    "wordle-all": (2146, "237f1422d281f531"),
    "guess-number-100": (7, "8e0752c25f5483f4"),
    "guess-number-100-train": (
        87,
        "1f3b065849de7014",
    ),
    "guess-number-100-val": (6, "59684e4624086e27"),
    "guess-number-100-all": (
        100,
        "10962908d98e5f90",
    ),
    "guess-number-1000": (109, "cf3c7a3d0c674e37"),
    "guess-number-1000-train": (
        797,
        "b844ab84960dc54d",
    ),
    "guess-number-1000-val": (
        94,
        "5ad3ba8cb7cceb40",
    ),
    "guess-number-1000-all": (
        1000,
        "925b39c376bdeba3",
    ),
    "math-1": (500, "6392c0d8a869d60c"),
    "math-1-train": (500, "007acdf0105132d0"),
    "math-1-val": (500, "a4374d7cee20db27"),
    "math-1-all": (500, "9ccbb932a8da3591"),
    "math-2": (500, "72e88ec252474884"),
    "math-2-train": (500, "a97629fb3391cf66"),
    "math-2-val": (500, "c4e666734cbb4cb5"),
    "math-2-all": (500, "a27ca50052fef286"),
    "math-3": (500, "d395abfd212ae8da"),
    "math-3-train": (500, "de4391c828ef3ecc"),
    "math-3-val": (500, "aaf5d7be0c02a346"),
    "math-3-all": (500, "391dad55f1484be0"),
    "math-4": (500, "5a7ea32fc886d351"),
    "math-4-train": (500, "dec20b671518bd02"),
    "math-4-val": (500, "95eb16589123c349"),
    "math-4-all": (500, "99c8c4f2aba493a8"),
    "math-5": (500, "daef4b6e33dba738"),
    "math-5-train": (500, "87609bc42b0298eb"),
    "math-5-val": (500, "dd29b8f1800343ce"),
    "math-5-all": (500, "ec30cdd8c34612aa"),
    "mastermind-4x6": (140, "521df4a46ddb05e6"),
    "mastermind-4x6-train": (
        1028,
        "8bfb9db8f95b0b87",
    ),
    "mastermind-4x6-val": (128, "2d20be96289338a3"),
    "mastermind-4x6-all": (
        1296,
        "76974321cbd4487e",
    ),
    "tictactoe-random": (200, "c880e1fabe245875"),
    "tictactoe-random-train": (
        200,
        "a98d030de68c9952",
    ),
    "tictactoe-random-val": (
        200,
        "b9afc8651f49bd11",
    ),
    "tictactoe-random-all": (
        200,
        "889ff545777ff220",
    ),
    "tictactoe-perfect": (200, "63c77f4e17891a13"),
    "tictactoe-perfect-train": (
        200,
        "acc643f7048b0a45",
    ),
    "tictactoe-perfect-val": (
        200,
        "640877a0fcebec2f",
    ),
    "tictactoe-perfect-all": (
        200,
        "ac226b1df4e23921",
    ),
    "nim-random": (200, "ab53c8faaede77e1"),
    "nim-random-train": (200, "01361fce7cb0217f"),
    "nim-random-val": (200, "ba45f27b83cb2ecc"),
    "nim-random-all": (200, "047067671a9f8fd1"),
    "nim-perfect": (200, "176ca512e74a6ee6"),
    "nim-perfect-train": (200, "e20ebc7de345dba5"),
    "nim-perfect-val": (200, "5acb946e4f4ff02b"),
    "nim-perfect-all": (200, "fe6121ffea98241f"),
    "tictactoe-perfect-first": (200, "ae62e216d5198000"),
    "tictactoe-perfect-first-train": (200, "eb0f684e5b53b1c9"),
    "tictactoe-perfect-first-val": (200, "7ff7b4c07d36c2e4"),
    "tictactoe-perfect-first-all": (200, "ccf46f846ded7c48"),
    "tictactoe-perfect-second": (200, "06a7b6ea1972e92e"),
    "tictactoe-perfect-second-train": (200, "4f2ac7865afb5374"),
    "tictactoe-perfect-second-val": (200, "d114052cf39cf34d"),
    "tictactoe-perfect-second-all": (200, "44949941a7d97480"),
    "nim-perfect-first": (200, "0ba4e7c5b2b92f80"),
    "nim-perfect-first-train": (200, "a57c6f5d7e9d222a"),
    "nim-perfect-first-val": (200, "e030a210f533e9ee"),
    "nim-perfect-first-all": (200, "865003fe3f7651b6"),
    "nim-perfect-second": (200, "4becc86edf5008b4"),
    "nim-perfect-second-train": (200, "0f1ae2ef8fc3690f"),
    "nim-perfect-second-val": (200, "a06ab2b5a3d5c180"),
    "nim-perfect-second-all": (200, "5397c6b424d70055"),
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
