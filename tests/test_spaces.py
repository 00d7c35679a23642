"""Vector environments: every game, in one process and in several, plays what it plays alone."""

import copy
import multiprocessing
from collections.abc import Iterator
from typing import Any, NamedTuple, SupportsFloat

import gymnasium
import pytest
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, VectorEnv
from gymnasium.vector.utils import (
    create_shared_memory,
    read_from_shared_memory,
    write_to_shared_memory,
)

from tests.arena_games import ALONE, FOR_TWO, with_slow_deals_marked
from wordle_rl.envs import GAMES
from wordle_rl.envs.base import CHARSET
from wordle_rl.envs.spaces import SharedText

IDS = sorted(game.env_id for game in GAMES.values())
ACTIONS = ["[crane]", "[50]", "[ABCD]", "[e]", "[slate]", "nothing", "[75]", "[a]"]
N, STEPS = 3, 30


class Step(NamedTuple):
    """What one game answered to one action, or at a reset."""

    observation: str
    reward: float
    ended: bool
    info: dict[str, Any]


def action_of(step: int, game: int) -> str:
    """Games of a vector are asked different things, and end at different times."""
    return ACTIONS[(step + game) % len(ACTIONS)]


def played_alone(env_id: str, number: int, steps: int, **options: Any) -> Iterator[Step]:
    """A game as Gymnasium's vector environments play it: the step after an end is a reset."""
    env = gymnasium.make(env_id, disable_env_checker=True, **options)
    observation, info = env.reset(seed=number)
    yield Step(observation, 0.0, False, info)
    ended = False
    for step in range(steps):
        reward: SupportsFloat = 0.0
        if ended:
            (observation, info), ended = env.reset(), False
        else:
            observation, reward, ended, _, info = env.step(action_of(step, number))
        yield Step(observation, float(reward), ended, info)


def played_together(envs: VectorEnv[Any, Any, Any], steps: int) -> Iterator[list[Step]]:
    observations, infos = envs.reset(seed=list(range(N)))
    yield [Step(observations[i], 0.0, False, info_of(infos, i)) for i in range(N)]
    for step in range(steps):
        actions = tuple(action_of(step, number) for number in range(N))
        observations, rewards, ended, _, infos = envs.step(actions)
        yield [Step(observations[i], rewards[i], ended[i], info_of(infos, i)) for i in range(N)]


def info_of(infos: dict[str, Any], number: int) -> dict[str, Any]:
    """The info of one game: `_key` says whether it has the key."""
    keys = [key for key in infos if not key.startswith("_") and infos[f"_{key}"][number]]
    values = (infos[key] for key in keys)
    return {
        key: info_of(value, number) if isinstance(value, dict) else value[number]
        for key, value in zip(keys, values, strict=True)
    }


def check_vector(env_id: str, options: dict[str, Any], **how: Any) -> None:
    """A vector of games plays what they play alone, infos included."""
    envs = gymnasium.make_vec(env_id, num_envs=N, **how, **options)
    alone = [played_alone(env_id, number, STEPS, **options) for number in range(N)]
    ends = 0
    for together, *games in zip(played_together(envs, STEPS), *alone, strict=True):
        assert together == games
        ends += sum(step.ended for step in together)
    assert ends >= N
    envs.close()


@pytest.mark.parametrize("env_id", IDS)
def test_a_vector_of_games_plays_what_they_play_alone(env_id: str) -> None:
    check_vector(env_id, {})


@pytest.mark.parametrize("game", with_slow_deals_marked(ALONE + FOR_TWO))
def test_a_vector_of_games_of_textarena(game: str) -> None:
    check_vector("wordle-rl/TextArena-v0", {"game": game, "max_turns": 12})


def test_a_scheme_of_several_parts_and_counted_words() -> None:
    check_vector("wordle-rl/Wordle-v0", {"reward": "shaped", "track_candidates": True})


def test_the_end_of_one_game_is_told_of_it_alone() -> None:
    envs = gymnasium.make_vec("wordle-rl/Wordle-v0", num_envs=2)
    envs.reset(seed=0, options={"secret": "crane"})
    _, rewards, ended, _, infos = envs.step(("[crane]", "[slate]"))
    assert (rewards.tolist(), ended.tolist()) == ([1.0, 0.0], [True, False])
    assert infos["solved"].tolist() == [True, False]
    assert infos["reward_parts"]["win"].tolist() == [1.0, 0.0]
    assert (infos["secret"].tolist(), infos["_secret"].tolist()) == (["crane", None], [True, False])
    _, _, _, _, infos = envs.step(("[slate]", "[crane]"))  # which begins the first game anew
    assert (infos["secret"].tolist(), infos["_secret"].tolist()) == ([None, "crane"], [False, True])
    assert infos["solved"].tolist() == [False, True]
    assert infos["reward_parts"]["_win"].tolist() == [False, True]
    assert infos["status"].tolist() == ["start", "ok"]


@pytest.mark.parametrize("copied", [True, False])
def test_games_in_other_processes_play_the_same(copied: bool) -> None:
    how = {"vectorization_mode": "async", "vector_kwargs": {"copy": copied}}
    check_vector("wordle-rl/Wordle-v0", {"style": "compact"}, **how)


def test_what_was_handed_out_stays_what_it_was() -> None:
    """Unlike a view of the memory in which the next observations are written."""
    envs = gymnasium.make_vec("wordle-rl/Wordle-v0", num_envs=N, vectorization_mode="async")
    assert isinstance(envs, AsyncVectorEnv)
    first, _ = envs.reset(seed=0)
    before = tuple(first)
    second, *_ = envs.step(("[crane]",) * N)
    assert first == before != tuple(second)
    assert isinstance(first, tuple)
    envs.close()


@pytest.mark.slow
@pytest.mark.parametrize("env_id", IDS)
@pytest.mark.parametrize("shared", [True, False])
def test_every_game_in_other_processes(env_id: str, shared: bool) -> None:
    how = {"vectorization_mode": "async", "vector_kwargs": {"shared_memory": shared}}
    check_vector(env_id, {}, **how)


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
    assert "secret" not in info
    last = [info_of(info["final_info"], number) for number in range(2)]
    assert all(1 <= int(game["secret"]) <= 100 for game in last)
    assert [(game["solved"], game["reward_parts"]["win"]) for game in last] == [(False, 0.0)] * 2


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
