"""Recorded decoding steps: a replay computes what the step itself would have."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor

from tests.families import FAMILIES, family_agent
from tests.tape import tape
from tests.test_decoding import BOTH, TOLERANCE, Game, four_games, play, random_ids
from tests.test_families import games
from tests.test_policy import disturb, transcripts
from tests.tiny import FRESH, tiny_model
from wordle_rl.agents.device import autocast
from wordle_rl.agents.lora import add_lora
from wordle_rl.agents.step_graphs import Replayed, cuda_graph, record_on
from wordle_rl.config import LoraSection, ModelSection, TrainConfig, parse
from wordle_rl.errors import ConfigError, ModelError
from wordle_rl.training.pipeline import check_pipelined
from wordle_rl.training.policy import load_policy


class Counting:
    """Records, and counts what is recorded and replayed."""

    def __init__(self) -> None:
        self.recorded = self.replayed = 0

    def __call__(self, run: Callable[[], None]) -> Callable[[], None]:
        self.recorded += 1
        replay = tape(run)

        def counted() -> None:
            self.replayed += 1
            replay()

        return counted


@pytest.mark.parametrize(("family", "attention"), BOTH)
def test_replayed_games_are_the_games(
    family: str, attention: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wordle_rl.agents.attention.SMALL_SCORES", 0)
    model = tiny_model(family, attention=attention)
    plain, replayed, record = four_games(), four_games(), Counting()
    play(model, plain, drop=[1], max_new_tokens=6)
    play(model, replayed, drop=[1], max_new_tokens=6, record=record)
    assert [game.context for game in replayed] == [game.context for game in plain]
    assert max(game.error(model) for game in replayed) < TOLERANCE
    assert record.recorded == 3, "once an answer"
    assert record.replayed > 2 * record.recorded


def test_replayed_games_beside_copies_are_the_games() -> None:
    model, record = tiny_model("qwen3"), Counting()
    plain, replayed = (
        [Game(random_ids(2 + k % 3, k), seed=k) for k in range(21)] for _ in range(2)
    )
    play(model, plain, drop=[3, 7, 20])
    play(model, replayed, drop=[3, 7, 20], record=record)
    assert [game.context for game in replayed] == [game.context for game in plain]
    assert record.replayed


def test_replayed_games_in_bfloat16_are_the_games() -> None:
    """Under autocast the weights a step reads were converted before it was recorded."""
    model = tiny_model("qwen3")
    plain, replayed, record = four_games(), four_games(), Counting()
    for played, how in ((plain, None), (replayed, record)):
        with autocast(torch.device("cpu"), torch.bfloat16):
            play(model, played, record=how)
    assert [game.context for game in replayed] == [game.context for game in plain]
    assert record.replayed


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
@pytest.mark.parametrize("name", FAMILIES)
def test_agents_play_the_same_whole_games(name: str) -> None:
    agent = family_agent(name)
    plain = games(agent, tasks=2, group=2)
    record = Counting()
    agent.record = record
    assert transcripts(games(agent, tasks=2, group=2)) == transcripts(plain)
    assert record.recorded


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
def test_an_adapter_is_recorded_too() -> None:
    model = add_lora(tiny_model("gemma3_text"), rank=2, alpha=4)
    disturb(model)
    played, record = four_games(), Counting()
    play(model, played, record=record)
    assert max(game.error(model) for game in played) < TOLERANCE
    assert record.replayed


@pytest.mark.parametrize("family", FRESH)
def test_what_has_no_growing_cache_is_not_recorded(family: str) -> None:
    record = Counting()
    play(tiny_model(family), four_games(), record=record)
    assert not record.recorded


def test_one_token_answers_have_no_step() -> None:
    model, record = tiny_model("qwen3"), Counting()
    played = four_games()
    play(model, played, max_new_tokens=1, record=record)
    assert max(game.error(model) for game in played) < TOLERANCE
    assert not record.recorded


def test_a_function_is_computed_once_then_replayed() -> None:
    total, calls = torch.zeros(2), []

    def add(x: Tensor) -> None:
        calls.append(x)
        total.add_(x * 2)

    record = Counting()
    replayed = Replayed(add, record)
    for value in (1.0, 10.0, 100.0):
        replayed(torch.full((2,), value))
    assert total.tolist() == [222.0, 222.0]
    assert (replayed.calls, len(calls), record.recorded, record.replayed) == (3, 2, 1, 2)


# --- the device's own graphs


def test_a_step_that_waits_for_the_device_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    class Graph:
        def replay(self) -> None:
            raise AssertionError("nothing was recorded")

    @contextmanager
    def capturing(graph: Graph) -> Iterator[None]:
        yield

    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    monkeypatch.setattr(torch.cuda, "graph", capturing)

    def waits() -> None:
        raise RuntimeError("CUDA error: operation not permitted when stream is capturing\nmore")

    with pytest.raises(ModelError, match=r"stream is capturing\): leave out model.cuda_graphs"):
        cuda_graph(waits)

    def too_large() -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(torch.OutOfMemoryError):  # has a hint of its own
        cuda_graph(too_large)


def test_other_devices_are_refused() -> None:
    assert record_on(torch.device("cuda")) is cuda_graph
    with pytest.raises(ConfigError, match=r"model.cuda_graphs needs .* on cpu: leave it out"):
        load_policy(ModelSection(cuda_graphs=True, device="cpu"), LoraSection(), seed=0)


def test_games_played_ahead_are_refused() -> None:
    config = parse(TrainConfig, {"model": {"cuda_graphs": True}, "rollout": {"pipelined": True}})
    with pytest.raises(ConfigError, match="leave one of them out"):
        check_pipelined(config)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_graphs_of_the_device_play_the_games() -> None:
    model = tiny_model("qwen3").to("cuda")  # type: ignore[arg-type]
    plain, replayed = four_games(), four_games()
    play(model, plain)
    play(model, replayed, record=cuda_graph)
    assert [game.context for game in replayed] == [game.context for game in plain]
