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


@pytest.mark.parametrize("twin_of", [deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_a_copy_draws_what_the_original_would(twin_of: Any) -> None:
    env = number()
    env.reset(seed=5)
    twin = twin_of(env)
    assert secrets(twin, 5) == secrets(env, 5)
    assert twin._readings is env._readings


def test_an_untouched_seed_gives_one_word() -> None:
    draws = Draws()
    assert (draws.first_word(), draws.generator) == (None, None)
    draws.restart(1)
    assert (draws.first_word(), draws.first_word()) == (split_mix(1), None)


@pytest.mark.parametrize("game", ["guess-number", "wordle", "mastermind"])
def test_a_game_has_fewer_attributes_than_slow_python_down(game: str) -> None:
    """CPython 3.11 keeps up to 29 of an object where it finds them fast: a step takes 9 % less."""
    env = gymnasium.make(make_env(game).spec.id)
    env.reset(seed=0)
    assert len(vars(copy(env.unwrapped))) < 30
