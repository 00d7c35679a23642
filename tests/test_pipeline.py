"""Games that are played one step ahead: whose they are, when, and what is made of it."""

import threading
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.ten_words import (
    Watcher,
    same,
    taught_agent,
    ten_word_config,
    ten_word_settings,
    weights,
)
from wordle_rl.agents.language import LanguageAgent
from wordle_rl.agents.lora import add_lora
from wordle_rl.errors import ConfigError
from wordle_rl.records import EpisodeGroup
from wordle_rl.run_dir import RunDir
from wordle_rl.training import pipeline, processes
from wordle_rl.training.games import BEGINNING, Past, play_step
from wordle_rl.training.pair_methods import complete_pairs
from wordle_rl.training.pipeline import InTurn, Pipelined, check_pipelined, game_source, twin
from wordle_rl.training.processes import Launched
from wordle_rl.training.samplers import LocalSampler
from wordle_rl.training.sampling import Played
from wordle_rl.training.trainer import train

AHEAD = ("rollout.pipelined=true", "train.lr=1e-2", "train.warmup_steps=0")


def answers(groups: Any) -> list[list[str]]:
    return [[turn.action for turn in game.turns] for group in groups for game in group.episodes]


def nothing(text: str) -> None:
    """Who is told what is going on."""


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[list[EpisodeGroup]]:
    """The games of every step, in the order in which they were played."""
    found: list[list[EpisodeGroup]] = []
    sample = pipeline.sample_games

    def spy(*given: Any, **named: Any) -> Played:
        played = sample(*given, **named)
        found.append(list(played.groups))
        return played

    monkeypatch.setattr(pipeline, "sample_games", spy)
    return found


def test_games_are_of_the_weights_before_the_last_update(
    seen: list[list[EpisodeGroup]], tmp_path: Path
) -> None:
    config = ten_word_config(*AHEAD, "train.steps=3")
    train(taught_agent(), config, RunDir(tmp_path), display=Watcher())
    updated = taught_agent()  # once, on the games of the first step
    once = ten_word_config("train.lr=1e-2", "train.warmup_steps=0", "train.steps=1")
    run = RunDir(tmp_path / "once")
    run.path.mkdir()
    train(updated, once, run, display=Watcher())
    players = [taught_agent(), taught_agent(), updated]
    for step, player in enumerate(players):
        assert answers(seen[step]) == answers(play_step(player, config, step, 1.0)), step
    assert answers(seen[2]) != answers(play_step(taught_agent(), config, 2, 1.0))
    versions = [groups[0].episodes[0].policy_version for groups in seen[:3]]
    assert versions == [0, 0, 1]


def test_what_is_learned_from_old_games_is_told(tmp_path: Path) -> None:
    watcher = Watcher()
    config = ten_word_config(*AHEAD, "train.steps=3", "train.updates_per_batch=2")
    assert config.train.correction == "truncated"
    train(taught_agent(), config, RunDir(tmp_path), display=watcher)
    distances = [record.metrics["train/sampler_kl"] for record in watcher.records]
    assert distances[0] == pytest.approx(0.0, abs=1e-6)
    assert min(distances[1:]) > 1e-4
    assert ten_word_config().train.correction is None
    asked = ten_word_config(*AHEAD, "train.correction=masked")
    assert asked.train.correction == "masked"


def test_the_next_games_are_played_while_these_are_learned_from(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    learned = threading.Event()
    played: list[tuple[int, str]] = []

    def play(agent: Any, config: Any, step: int, **_: Any) -> Played:
        if step:
            assert learned.wait(timeout=60)
        played.append((step, threading.current_thread().name))
        return Played(groups=[], everything=[], greedy_returns=None, metrics={})

    monkeypatch.setattr(pipeline, "sample_games", play)
    config = ten_word_config(*AHEAD, "train.steps=2")
    source = game_source(taught_agent(), config, greedy=False, scorers=[])
    source.games(0, BEGINNING, nothing)  # comes back although the next step cannot go on
    assert played == [(0, "rollout")]
    learned.set()
    source.games(1, BEGINNING, nothing)
    assert [step for step, _ in played] == [0, 1]
    source.close()


def test_the_next_games_know_nothing_of_this_step(monkeypatch: pytest.MonkeyPatch) -> None:
    known: list[int] = []

    def play(*_: Any, past: Past, **__: Any) -> Played:
        known.append(len(past.metrics))
        return Played(groups=[], everything=[], greedy_returns=None, metrics={})

    monkeypatch.setattr(pipeline, "sample_games", play)
    config = ten_word_config(*AHEAD, "train.steps=5")
    records = [{"step": float(k)} for k in range(1, 5)]
    unbroken = game_source(taught_agent(), config, greedy=False, scorers=[])
    for step in range(5):
        unbroken.games(step, Past(metrics=records[:step]), nothing)
    resumed = game_source(taught_agent(), config, greedy=False, scorers=[])
    resumed.games(3, Past(metrics=records[:3]), nothing)
    resumed.close()
    assert known == [0, 0, 1, 2, 3, 2, 3]


def test_what_goes_wrong_while_playing_is_raised_where_the_games_are_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sample = pipeline.sample_games

    def play(agent: LanguageAgent, config: Any, step: int, **named: Any) -> Played:
        if step == 1:
            raise ConfigError("the second step")
        return sample(agent, config, step, **named)

    monkeypatch.setattr(pipeline, "sample_games", play)
    run, watcher = RunDir(tmp_path), Watcher()
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    try:
        with pytest.raises(ConfigError, match="the second step"):
            train(taught_agent(), ten_word_config(*AHEAD), run, display=watcher)
        assert torch.get_num_threads() == 4
    finally:
        torch.set_num_threads(before)
    assert [record.step for record in watcher.records] == [1]


def test_a_curriculum_logs_what_the_games_were_drawn_from(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The stage that was known when they were played, not the one that is known by now."""
    config = ten_word_config(*AHEAD, "tasks.curriculum_start=2", "train.steps=9")
    source = game_source(taught_agent(), config, greedy=False, scorers=[])
    records = [
        {"step": float(k), "rollout/curriculum_secrets": 2.0, "rollout/curriculum_win_rate": 1.0}
        for k in range(1, 9)
    ]
    logged = []
    for step in range(8):
        played = source.games(step, Past(metrics=records[:step]), nothing)
        logged.append(played.metrics["rollout/curriculum_secrets"])
        assert len({group.task.secret for group in played.everything}) <= logged[-1], step
    source.close()
    assert logged == [2, 2, 2, 2, 2, 2, 4, 4]


def test_a_twin_shares_what_is_not_trained_and_nothing_else() -> None:
    agent = taught_agent()
    agent.model = add_lora(agent.model, rank=2, alpha=8)
    other = twin(agent)
    for p, q in zip(agent.model.parameters(), other.model.parameters(), strict=True):
        assert (p is q) != p.requires_grad
    assert other.model.config is not agent.model.config
    assert other.tokenizer is not agent.tokenizer
    assert other.chat.tokenizer is other.tokenizer
    before = weights(other)
    for p in agent.model.parameters():
        if p.requires_grad:
            p.data += 1.0
    assert same(weights(other), before)


def test_who_plays_is_a_setting() -> None:
    in_turn = game_source(taught_agent(), ten_word_config(), greedy=False, scorers=[])
    ahead = game_source(taught_agent(), ten_word_config(*AHEAD), greedy=False, scorers=[])
    assert isinstance(in_turn, InTurn)
    assert not in_turn.modules
    assert isinstance(ahead, Pipelined)
    assert ahead.modules.keys() == {"player"}


def test_both_halves_share_the_cores_for_as_long_as_it_lasts(tmp_path: Path) -> None:
    before, seen = torch.get_num_threads(), []
    torch.set_num_threads(4)
    try:
        train(
            taught_agent(),
            ten_word_config(*AHEAD, "train.steps=2"),
            RunDir(tmp_path),
            display=Watcher(),
            interrupted=lambda: bool(seen.append(torch.get_num_threads())),  # type: ignore[func-returns-value]
        )
        assert seen == [2, 2]
        assert torch.get_num_threads() == 4
    finally:
        torch.set_num_threads(before)


def test_a_server_has_cores_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "new_sampler", lambda player, _config: LocalSampler(player))
    config = ten_word_config(*AHEAD, "sampler.kind=vllm", "sampler.base_url=http://localhost:1")
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    try:
        source = game_source(taught_agent(), config, greedy=False, scorers=[])
        assert torch.get_num_threads() == 4
        source.close()
    finally:
        torch.set_num_threads(before)


def test_where_it_cannot_be(monkeypatch: pytest.MonkeyPatch) -> None:
    check_pipelined(ten_word_config(*AHEAD))
    for key, value in (("rollout.pipelined", "true"), ("sampler.kind", "vllm")):
        for algo in ("dpo", "reward-model"):
            with pytest.raises(ConfigError, match=f"setting {key}: {algo} samples locally and in"):
                complete_pairs(ten_word_settings(f"train.algo={algo}", f"{key}={value}"))
    monkeypatch.setattr(processes, "world", lambda: Launched(rank=0, count=2))
    check_pipelined(ten_word_config())
    with pytest.raises(ConfigError, match="pipelined=true runs in one process, and this is one"):
        check_pipelined(ten_word_config(*AHEAD))
