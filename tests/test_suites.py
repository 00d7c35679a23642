"""The frozen suites: pinned, disjoint, and hashed by everything that fixes a game."""

from dataclasses import replace

import pytest

from wordle_rl.envs import make_env
from wordle_rl.envs.words import load_words
from wordle_rl.errors import ConfigError
from wordle_rl.evaluation.suites import Protocol, load_suite, suite_names

PINNED = {
    "wordle-train": (1716, "f0d3f54764213a471d147a8d12dce365e3b74a521a7ffa3ce64beae73f45338b"),
    "wordle-val": (205, "92e92b1358d2519db7e7c02f55d7c7788b0db5a412ee97998a0d3425a82f0820"),
    "wordle-heldout": (225, "a9e1d64f5ab8564e5173d39db63230f39d37351c1ed4c16fd85f93b1aa2bb5e6"),
    "wordle-all": (2146, "237f1422d281f531565d31b8d7130248abf220649dcc3736be07170f0bc1cb0a"),
}


def test_every_suite_is_pinned() -> None:
    assert set(PINNED) == set(suite_names())


@pytest.mark.parametrize("name", PINNED)
def test_a_frozen_suite_does_not_change(name: str) -> None:
    suite = load_suite(name)
    assert (len(suite.tasks), suite.suite_hash) == PINNED[name]


def test_the_splits_share_no_secret_and_leave_none_out() -> None:
    train, val, heldout = (
        set(load_suite(name).secrets) for name in ("wordle-train", "wordle-val", "wordle-heldout")
    )
    assert train.isdisjoint(val)
    assert train.isdisjoint(heldout)
    assert val.isdisjoint(heldout)
    assert train | val | heldout == set(load_suite("wordle-all").secrets)
    assert train | val | heldout == set(load_words("answers", 5))


@pytest.mark.parametrize("name", PINNED)
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
