"""What a game draws from: the seed itself, and numpy's generator of it."""

from __future__ import annotations

import pickle
from collections import Counter
from copy import copy, deepcopy
from itertools import pairwise
from typing import Any

import gymnasium
import numpy as np
import pytest

from wordle_rl.envs import make_env
from wordle_rl.envs.composed_rewards import ComposedRewards
from wordle_rl.envs.draws import Draws, split_mix
from wordle_rl.errors import ConfigError


def secrets(env: Any, n: int) -> list[int]:
    """The numbers of `n` games in a row, without a seed."""
    found = []
    for _ in range(n):
        env.reset()
        found.append(env.unwrapped._number)
    return found


def number(**options: Any) -> Any:
    return make_env("guess-number", **options)


def test_a_seed_draws_the_same_number_everywhere() -> None:
    drawn = []
    for seed in range(5):
        env = number(hi=1000)
        env.reset(seed=seed)
        drawn.append(env._number)
    assert drawn == [(split_mix(seed) * 1000 >> 64) + 1 for seed in range(5)]
    assert drawn == [884, 567, 592, 114, 432]


def test_seeds_in_a_row_draw_evenly_and_without_order() -> None:
    n, faces = 20_000, 20
    drawn = np.array([split_mix(seed) * faces >> 64 for seed in range(n)])
    squares = sum((count - n / faces) ** 2 / (n / faces) for count in Counter(drawn).values())
    assert squares < 43.8  # chi-square of 19 degrees of freedom, p = 0.001
    pairs = Counter(pairwise(drawn))
    assert sum((pairs[p] - n / 400) ** 2 / (n / 400) for p in np.ndindex(faces, faces)) < 490


def test_the_generator_is_gymnasiums_and_made_when_asked_for() -> None:
    env = number()
    env.reset(seed=7)
    assert env._draws._generator is None
    expected, _ = gymnasium.utils.seeding.np_random(7)
    assert env.np_random.bit_generator.state == expected.bit_generator.state
    assert env.np_random_seed == 7


def test_games_after_a_seed_go_on_from_it() -> None:
    first, second, looked_at = number(), number(), number()
    for env in (first, second, looked_at):
        env.reset(seed=3)
    assert looked_at.np_random.bit_generator.state["has_uint32"] == 0  # looking changes nothing
    assert secrets(first, 20) == secrets(second, 20) == secrets(looked_at, 20)
    assert len(set(secrets(first, 20))) > 5
    assert secrets(number(), 20) != secrets(number(), 20)


def test_a_generator_of_ones_own_is_drawn_from() -> None:
    envs = number(), number()
    for env in envs:
        env.reset(seed=3)
        env.np_random = np.random.default_rng(11)
    assert secrets(envs[0], 10) == secrets(envs[1], 10)
    assert envs[0].np_random_seed == -1


@pytest.mark.parametrize("seed", [-1, 1.5, "7"])
def test_what_is_no_seed_is_refused_as_gymnasium_does(seed: Any) -> None:
    with pytest.raises(gymnasium.error.Error):
        number().reset(seed=seed)


def test_a_reward_of_ones_own_draws_what_the_game_draws() -> None:
    plain, composed = number(), ComposedRewards(number(), {"game": 1.0})
    for seed in range(5):
        plain.reset(seed=seed)
        composed.reset(seed=seed)
        assert composed.game._number == plain._number
    for _ in range(5):
        plain.reset()
        composed.reset()
        assert composed.game._number == plain._number
    composed.np_random, plain.np_random = np.random.default_rng(1), np.random.default_rng(1)
    composed.reset()
    plain.reset()
    assert composed.game._number == plain._number


@pytest.mark.parametrize(
    "twin_of", [deepcopy, *(lambda env, p=p: pickle.loads(pickle.dumps(env, p)) for p in (0, 5))]
)
def test_a_copy_draws_what_the_original_would(twin_of: Any) -> None:
    env = number()
    env.reset(seed=5)
    twin = twin_of(env)
    assert secrets(twin, 5) == secrets(env, 5)
    assert twin._readings is env._readings


def test_an_untouched_seed_gives_one_word() -> None:
    assert (Draws().first_word(), Draws().generator) == (None, None)
    draws = Draws(1)
    assert (draws.first_word(), draws.first_word()) == (split_mix(1), None)


@pytest.mark.parametrize("game", ["guess-number", "wordle", "mastermind"])
def test_a_fork_has_seeds_of_its_own(game: str) -> None:
    env, alone = make_env(game), make_env(game)
    for each in (env, alone):
        each.reset(seed=1)
    copy(env).reset(seed=2)
    assert env.np_random_seed == 1
    for each in (env, alone):
        each.reset()
    assert env._secret == alone._secret


def test_rewards_upon_rewards_draw_what_the_game_draws() -> None:
    def twice() -> Any:
        return ComposedRewards(ComposedRewards(number(hi=1000), {"game": 1.0}), {"game": 1.0})

    plain, composed = number(hi=1000), twice()
    for seed in (0, 1, None, None):
        plain.reset(seed=seed)
        composed.reset(seed=seed)
        assert composed.game.game._number == plain._number
    composed.reset(seed=3)
    assert composed.game.game.np_random_seed == composed.np_random_seed == 3


def test_a_first_number_belongs_to_its_own_reset() -> None:
    env = number(hi=1000)
    env.reset(seed=5, options={"secret": "7"})
    state = env.np_random.bit_generator.state
    drawn = secrets(env, 2)
    env.np_random.bit_generator.state = state
    assert secrets(env, 2) == drawn


def test_seeds_are_whole_numbers_of_any_size() -> None:
    env, drawn = number(hi=10**9), []
    for seed in (5, 5 + 2**64, True, 1):
        env.reset(seed=seed)
        drawn.append(env._number)
    assert drawn[0] != drawn[1]
    assert drawn[2] == drawn[3]


@pytest.mark.parametrize("game", ["guess-number", "wordle", "mastermind"])
def test_a_game_has_fewer_attributes_than_slow_python_down(game: str) -> None:
    """CPython 3.11 keeps up to 29 of an object where it finds them fast: a step takes 9 % less."""
    env = gymnasium.make(make_env(game).spec.id)
    env.reset(seed=0)
    assert len(vars(copy(env.unwrapped))) < 30


@pytest.mark.parametrize("options", [5, "secret", ["secret"]])
def test_reset_options_are_a_dict(options: Any) -> None:
    with pytest.raises(ConfigError, match="are no dict: write"):
        number().reset(options=options)


def test_a_secret_may_be_a_number_of_numpys() -> None:
    env = number()
    env.reset(options={"secret": np.int64(5)})
    assert env._secret == "5"


@pytest.mark.parametrize(
    ("game", "flag"),
    [
        ("Wordle", "hard_mode"),
        ("Wordle", "track_candidates"),
        ("Mastermind", "duplicates"),
        ("MathQA", "hints"),
    ],
)
@pytest.mark.parametrize("value", ["false", 1, None, []])
def test_gymnasium_refuses_flags_that_are_none(game: str, flag: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=f"{flag} .* is neither true nor false"):
        gymnasium.make(f"wordle-rl/{game}-v0", **{flag: value})
