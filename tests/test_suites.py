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

PINNED: dict[str, tuple[int, str]] = {
    "wordle-train": (1716, "f0d3f54764213a471d147a8d12dce365e3b74a521a7ffa3ce64beae73f45338b"),
    "wordle-val": (205, "92e92b1358d2519db7e7c02f55d7c7788b0db5a412ee97998a0d3425a82f0820"),
    "wordle-heldout": (225, "a9e1d64f5ab8564e5173d39db63230f39d37351c1ed4c16fd85f93b1aa2bb5e6"),
    "wordle-all": (2146, "237f1422d281f531565d31b8d7130248abf220649dcc3736be07170f0bc1cb0a"),
    "guess-number-100": (7, "8e0752c25f5483f4053b11dda5ef167b6d4a7db5a2c21dec1b7adc9ed7ab6e24"),
    "guess-number-100-train": (87, "1f3b065849de70143984baad013ba0fb89cb3645ce7cbcbfb4ac36ba4dbff59c"),
    "guess-number-100-val": (6, "59684e4624086e270abe7da6df6b8e318a2a5f9eef023576b9948b040bb6934b"),
    "guess-number-100-all": (100, "10962908d98e5f90e10bc401ffc79a59619cedbd07d219ae590d1b720d3a4292"),
    "guess-number-1000": (109, "cf3c7a3d0c674e37d1987e155446d4d7493b6f416e197deeab785147e9674441"),
    "guess-number-1000-train": (797, "b844ab84960dc54d86cd9d4a1229fb0c6a1d09956c72c7813b584f3cdff8a9e6"),
    "guess-number-1000-val": (94, "5ad3ba8cb7cceb40f865256f15b1f9a6c58a65b71a44f321d6a37db298a7712f"),
    "guess-number-1000-all": (1000, "925b39c376bdeba3e61d47598481192c044c2da47a9291ab3838443b1e093f9c"),
    "math-1": (500, "6392c0d8a869d60c16d7101140fd766cf842754031d991442daa6e66e87a6c06"),
    "math-1-train": (500, "007acdf0105132d0202e590e987f23e832655c06a99ee8e5b1e10306cc18ea81"),
    "math-1-val": (500, "a4374d7cee20db27db3f19cdf27c9cc80a4bbeaca8526a4535c1d47d331eda45"),
    "math-1-all": (500, "9ccbb932a8da3591ae14e07d5aa0e4712b0e3324744730b0e668d89e05a694d2"),
    "math-2": (500, "72e88ec25247488413ee0a5680ac31bd1908192af4d184894146ec4e08d84d24"),
    "math-2-train": (500, "a97629fb3391cf6650845836ed9aed007a0cea8d5e8f995ecd4ea6afab1965c9"),
    "math-2-val": (500, "c4e666734cbb4cb535f227f05b9f8577df14f52a72e3aa3e6033fd7e68f4aea1"),
    "math-2-all": (500, "a27ca50052fef286f6f8ab5e107b0932d8d82821d8ad74299fb5b077bf2a55db"),
    "math-3": (500, "d395abfd212ae8da8d239050e48e17785c21acffc908197375d509a77ce18ec1"),
    "math-3-train": (500, "de4391c828ef3ecc602f5bb548d2b2e938d21b1d6a3d4599bc5f9cf3a3c349fa"),
    "math-3-val": (500, "aaf5d7be0c02a346d2fd03ba6aca1fbb5e8bf7afb31d7f368f718be794bd6ae3"),
    "math-3-all": (500, "391dad55f1484be09874dd151a9d2faa0640220bd50dbed4b6751f9ed7066aa9"),
    "math-4": (500, "5a7ea32fc886d3515dbe0689b42d1d03432bdb29813fa1f1e53bfd2895060017"),
    "math-4-train": (500, "dec20b671518bd028cc44d7066be3fee01d8fc5ca6984516df86a3786f5986e1"),
    "math-4-val": (500, "95eb16589123c349cfc03aad1bf2565496639a7db75732bacc1a674df625c5b9"),
    "math-4-all": (500, "99c8c4f2aba493a8b2e585281849d2d61034d7127b566fdf5f206eb5fc002b53"),
    "math-5": (500, "daef4b6e33dba738b4ddd1d9b3ae7a5e6c08cbf686612e6f92215ed24dd688f8"),
    "math-5-train": (500, "87609bc42b0298eb079fb88ba1a586aa7dbb4f6eca918c63af02fba9fcd4112f"),
    "math-5-val": (500, "dd29b8f1800343ce56a7fefe100c5700901b3cb6724a855ea913e105ce8ad612"),
    "math-5-all": (500, "ec30cdd8c34612aae07098d9c340d06d9e5da4b4a12d02f5f6b0e9a13f33eb41"),
    "mastermind-4x6": (140, "521df4a46ddb05e6e1f2ba42c5ba80a30461145f4dc64b95ddbfc0f7422d12cd"),
    "mastermind-4x6-train": (1028, "8bfb9db8f95b0b87a84f53a3825a8f53fb9b31d52fb3a1ed58fd705d65c902e1"),
    "mastermind-4x6-val": (128, "2d20be96289338a33c77c60dc41554521a6b9607a3ffcaa9da44be54828389e6"),
    "mastermind-4x6-all": (1296, "76974321cbd4487ed9f505c1695da24cd90f1787fe5a8bff1f32729d6677c308"),
    "tictactoe-random": (200, "c880e1fabe2458756abbbfba993f69421b6644927094d9cf0ea07fb5854cc0d2"),
    "tictactoe-random-train": (200, "a98d030de68c99529e1a21c0cb15dcecd30ed75cb224de6a81b9a6acb68898df"),
    "tictactoe-random-val": (200, "b9afc8651f49bd11609fb160d0dce9458c3bc6f5bbd2fa5a455bb94050f5f92a"),
    "tictactoe-random-all": (200, "889ff545777ff2204d605691e9db9ee82865c8869a9a3e329c6a81b340bc6e22"),
    "tictactoe-perfect": (200, "63c77f4e17891a1333538cf44446ee3b7beed9ff6bc0a95ad29c35f4e5895e68"),
    "tictactoe-perfect-train": (200, "acc643f7048b0a45892b412b0418b735acdbf3b075d0779b2c44170ae7c91978"),
    "tictactoe-perfect-val": (200, "640877a0fcebec2f0fb6c992ae17b6b28e68d8a0016abbe17125621dcbadd8fb"),
    "tictactoe-perfect-all": (200, "ac226b1df4e2392196c9c118b20b50e15fd2bcc97fb89387be93eddafd21171f"),
    "nim-random": (200, "ab53c8faaede77e1c140b07e04fae3b40c38f9567955ab53141cfef8a9c7ca61"),
    "nim-random-train": (200, "01361fce7cb0217f93b17b2323eb281d73f92d87ace510eb99ee0ed0a9f94ca5"),
    "nim-random-val": (200, "ba45f27b83cb2ecc6248318099e09ce16fee3cab7e21599a04f51f60e8552155"),
    "nim-random-all": (200, "047067671a9f8fd189106f9b7499be0ab289f09dd33803f91bcc6d96438689ad"),
    "nim-perfect": (200, "176ca512e74a6ee6b2f3ef9ac0b4f77e45f037a720e529a1f420d62fec1a3876"),
    "nim-perfect-train": (200, "e20ebc7de345dba5170c5a6a916acc30a110566b094fb041d0f71a19adfb5d73"),
    "nim-perfect-val": (200, "5acb946e4f4ff02b4ea6e17325fcade62de4d74875397e18112c8246460ef2cd"),
    "nim-perfect-all": (200, "fe6121ffea98241f20c850d2309d17e4e4c3709f13b8f15d93080b1738a0b52f"),
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
