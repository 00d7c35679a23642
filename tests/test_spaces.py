"""Vector environments: every game, in one process and in several, plays what it plays alone."""

import copy
import multiprocessing
from collections.abc import Iterator
from typing import Any

import gymnasium
import pytest
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, VectorEnv
from gymnasium.vector.utils import (
    create_shared_memory,
    read_from_shared_memory,
    write_to_shared_memory,
)

from wordle_rl.envs import GAMES
from wordle_rl.envs.base import CHARSET
from wordle_rl.envs.spaces import SharedText

IDS = sorted(game.env_id for game in GAMES.values())
ACTIONS = ["[crane]", "[50]", "[ABCD]", "[e]", "[slate]", "nothing", "[75]", "[a]"]
N = 3


def played_alone(env_id: str, seed: int, steps: int) -> Iterator[tuple[str, float, bool]]:
    """A game as Gymnasium's vector environments play it: the step after an end is a reset."""
    env = gymnasium.make(env_id, disable_env_checker=True)
    observation, _ = env.reset(seed=seed)
    yield observation, 0.0, False
    ended = False
    for step in range(steps):
        if ended:
            observation, _ = env.reset()
            reward, ended = 0.0, False
        else:
            observation, reward, ended, _, _ = env.step(ACTIONS[step % len(ACTIONS)])
        yield observation, float(reward), ended


def played_together(envs: VectorEnv[Any, Any, Any], steps: int) -> Iterator[tuple[Any, Any, Any]]:
    observations, _ = envs.reset(seed=list(range(N)))
    yield observations, (0.0,) * N, (False,) * N
    for step in range(steps):
        observations, rewards, ended, _, _ = envs.step((ACTIONS[step % len(ACTIONS)],) * N)
        yield observations, tuple(rewards.tolist()), tuple(ended.tolist())


@pytest.mark.parametrize("env_id", IDS)
def test_a_vector_of_games_plays_what_they_play_alone(env_id: str) -> None:
    envs = gymnasium.make_vec(env_id, num_envs=N)
    alone = zip(*(played_alone(env_id, seed, 30) for seed in range(N)), strict=True)
    for together, games in zip(played_together(envs, 30), alone, strict=True):
        assert [tuple(part) for part in together] == [
            tuple(part) for part in zip(*games, strict=True)
        ]
    envs.close()


@pytest.mark.parametrize("copied", [True, False])
def test_games_in_other_processes_play_the_same(copied: bool) -> None:
    envs = gymnasium.make_vec(
        "wordle-rl/Wordle-v0",
        num_envs=N,
        vectorization_mode="async",
        vector_kwargs={"copy": copied},
        style="compact",
    )
    assert isinstance(envs, AsyncVectorEnv)
    sync = gymnasium.make_vec("wordle-rl/Wordle-v0", num_envs=N, style="compact")
    kept = []
    for one, other in zip(played_together(envs, 20), played_together(sync, 20), strict=True):
        assert tuple(one[0]) == other[0]
        assert one[1:] == other[1:]
        kept.append((one[0], other[0]))
    if copied:  # what was handed out stays what it was
        assert all(isinstance(one, tuple) and one == other for one, other in kept)
    envs.close()


@pytest.mark.slow
@pytest.mark.parametrize("env_id", IDS)
@pytest.mark.parametrize("shared", [True, False])
def test_every_game_in_other_processes(env_id: str, shared: bool) -> None:
    envs = gymnasium.make_vec(
        env_id, num_envs=N, vectorization_mode="async", vector_kwargs={"shared_memory": shared}
    )
    alone = zip(*(played_alone(env_id, seed, 30) for seed in range(N)), strict=True)
    for together, games in zip(played_together(envs, 30), alone, strict=True):
        assert [tuple(part) for part in together] == [
            tuple(part) for part in zip(*games, strict=True)
        ]
    envs.close()


def test_the_same_step_can_reset() -> None:
    envs = gymnasium.make_vec(
        "wordle-rl/GuessNumber-v0",
        num_envs=2,
        vector_kwargs={"autoreset_mode": AutoresetMode.SAME_STEP},
        style="compact",
        max_guesses=1,
    )
    envs.reset(seed=0)
    observations, _, ended, _, info = envs.step(("[200]", "[200]"))
    assert ended.all()
    assert observations == ("number 1..100 x1",) * 2
    assert all(text.startswith("?range") for text in info["final_obs"])


def test_texts_travel_through_memory() -> None:
    space = SharedText(20, min_length=0, charset=CHARSET)
    memory = create_shared_memory(space, 2, multiprocessing)
    texts = read_from_shared_memory(space, memory, 2)
    assert tuple(texts) == ("", "")
    write_to_shared_memory(space, 1, "longer than nothing", memory)
    snapshot = copy.deepcopy(texts)
    write_to_shared_memory(space, 1, "né \ud800", memory)
    write_to_shared_memory(space, 0, "x" * 99, memory)
    assert snapshot == ("", "longer than nothing")
    assert texts == ("x" * 20, "né \ud800")
    assert (texts[-1], texts[:1], len(texts)) == ("né \ud800", ("x" * 20,), 2)
    assert texts != ("x" * 20,)
    with pytest.raises(IndexError):
        texts[2]
