"""The training loop on a game of ten words: what it logs, keeps, resumes, and that it learns."""

import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.ten_words import (
    WORDS,
    Watcher,
    same,
    taught_agent,
    ten_word_config,
    tiny_agent,
    weights,
)
from wordle_rl.agents.language import LanguageAgent
from wordle_rl.agents.lora import add_lora
from wordle_rl.config import TrainConfig
from wordle_rl.envs.wordle import WordleEnv
from wordle_rl.errors import CheckpointError, ConfigError
from wordle_rl.records import Episode, EpisodeGroup, Outcome, StepRecord, StopReason, Task
from wordle_rl.rollout import rollout
from wordle_rl.run_dir import RunDir
from wordle_rl.training.algorithms import find_algorithm, parts_of
from wordle_rl.training.assignment import group_samples, step_advantages
from wordle_rl.training.games import check_games, draw_tasks, training_env
from wordle_rl.training.keeper import best_step
from wordle_rl.training.kl import steered
from wordle_rl.training.trainer import train

Row = dict[str, Any]


def agent_for(config: TrainConfig) -> LanguageAgent:
    agent = taught_agent()
    if config.lora.rank:
        agent.model = add_lora(agent.model, rank=config.lora.rank, alpha=8)
    return agent


def run_in(
    folder: Path,
    config: TrainConfig,
    *,
    agent: LanguageAgent | None = None,
    watcher: Watcher | None = None,
    stop_after: int | None = None,
    validate: Callable[[LanguageAgent], dict[str, float]] | None = None,
) -> Outcome:
    """Train, or go on, in a run folder; `stop_after` asks for a stop after so many steps."""
    folder.mkdir(exist_ok=True)
    watcher = watcher or Watcher()
    return train(
        agent or agent_for(config),
        config,
        RunDir(folder),
        display=watcher,
        validate=validate,
        interrupted=lambda: len(watcher.records) == stop_after,
    )


def logged(folder: Path) -> list[Row]:
    """The lines of metrics.jsonl without what depends on the clock."""
    lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return [{k: v for k, v in row.items() if not k.startswith("time/")} for row in rows]


def saved_games(folder: Path, step: int) -> list[Row]:
    path = folder / "episodes" / f"step-{step}.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def checkpoints(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "checkpoints").iterdir())


# --- a run


def test_a_run_logs_every_step_and_keeps_games_and_checkpoints(tmp_path: Path) -> None:
    watcher = Watcher()
    outcome = run_in(tmp_path, ten_word_config(), watcher=watcher)
    rows = logged(tmp_path)
    assert outcome == Outcome(step=4, finished=True)
    assert [row["step"] for row in rows] == [1, 2, 3, 4]
    assert [record.step for record in watcher.records] == [1, 2, 3, 4]
    assert len(watcher.games) == 4
    assert {"playing", "updating"} <= set(watcher.phases)
    assert [row["rollout/games"] for row in rows] == [12.0] * 4
    assert [row["train/lr"] for row in rows] == pytest.approx([5e-4, 1e-3, 1e-3, 1e-3])
    assert checkpoints(tmp_path) == ["step-2", "step-4"]
    assert not (tmp_path / "best.json").exists()
    assert [game["step"] for game in saved_games(tmp_path, 4)] == [4] * 12
    for row in rows:
        assert row["train/ratio_max"] == pytest.approx(1.0, abs=1e-3)


def test_every_logged_name_has_a_known_prefix(tmp_path: Path) -> None:
    run_in(tmp_path, ten_word_config("train.steps=1", "train.algo=course", "env.reward=shaped"))
    line = json.loads((tmp_path / "metrics.jsonl").read_text(encoding="utf-8"))
    prefixes = {key.partition("/")[0] for key in line} - {"step"}
    assert prefixes == {"rollout", "train", "time"}


def test_the_weights_move_and_the_same_seed_moves_them_the_same_way(tmp_path: Path) -> None:
    agents = [taught_agent() for _ in range(3)]
    for i, agent in enumerate(agents):
        config = ten_word_config("train.steps=2", f"train.seed={i // 2}")
        run_in(tmp_path / str(i), config, agent=agent)
    assert same(weights(agents[0]), weights(agents[1]))
    assert not same(weights(agents[0]), weights(agents[2]))
    assert not same(weights(agents[0]), weights(taught_agent()))
    assert logged(tmp_path / "0") == logged(tmp_path / "1")


@pytest.mark.parametrize(("warmup", "largest"), [(0, 1e-3), (4, 2.5e-4)])
def test_the_schedule_reaches_the_optimiser(warmup: int, largest: float, tmp_path: Path) -> None:
    """AdamW moves a weight by the learning rate at first."""
    agent = taught_agent()
    before = weights(agent)
    run_in(tmp_path, ten_word_config("train.steps=1", f"train.warmup_steps={warmup}"), agent=agent)
    after = weights(agent)
    moved = max(float((after[name] - before[name]).abs().max()) for name in before)
    assert moved == pytest.approx(largest, rel=0.01)


def test_all_games_of_a_group_share_one_secret(tmp_path: Path) -> None:
    run_in(tmp_path, ten_word_config("train.steps=2", "save.games_every_steps=1"))
    secrets: defaultdict[str, list[str]] = defaultdict(list)
    for step in (1, 2):
        for game in saved_games(tmp_path, step):
            secrets[game["task_id"]].append(game["secret"])
    assert len(secrets) == 6
    for found in secrets.values():
        assert len(found) == 4
        assert len(set(found)) == 1
        assert found[0] in WORDS
    assert len({found[0] for found in secrets.values()}) > 1


def test_the_games_of_a_group_are_not_copies_of_each_other(tmp_path: Path) -> None:
    run_in(tmp_path, ten_word_config("train.steps=1"))
    assert len({tuple(game["actions"]) for game in saved_games(tmp_path, 1)}) > 6


def test_tasks_are_a_function_of_seed_and_step() -> None:
    config, other = ten_word_config(), ten_word_config("train.seed=1")
    assert draw_tasks(config, 3) == draw_tasks(config, 3)
    seeds = {t.seed for c in (config, other) for step in (0, 1) for t in draw_tasks(c, step)}
    assert len(seeds) == 12
    ids = [task.task_id for step in (0, 1) for task in draw_tasks(config, step)]
    assert len(set(ids)) == 6


# --- groups without a signal


def test_a_step_whose_groups_are_all_constant_updates_nothing(tmp_path: Path) -> None:
    """An untrained model never wins: every group is all lost."""
    agent = tiny_agent()
    before = weights(agent)
    run_in(tmp_path, ten_word_config("train.steps=2"), agent=agent)
    for row in logged(tmp_path):
        assert row["rollout/groups_all_lost"] == 1.0
        assert row["rollout/groups_mixed"] == 0.0
        assert row["train/lr"] > 0
        assert not {"train/loss", "train/grad_norm"} & row.keys()
    assert same(weights(agent), before)


def test_a_kl_term_reads_constant_groups_too(tmp_path: Path) -> None:
    run_in(tmp_path, ten_word_config("train.steps=1", "train.kl_coef=0.1"), agent=tiny_agent())
    assert logged(tmp_path)[0]["train/kl_ref"] == pytest.approx(0.0, abs=1e-6)


def group_of(*returns: float | None) -> EpisodeGroup:
    """A group with these returns; None is a game that failed."""
    task = Task(env_id="wordle", task_id="t", seed=0)
    config = ten_word_config()
    agent = taught_agent()
    (played,) = rollout(
        agent,
        [task],
        len(returns),
        make_env=lambda task: training_env(config.env, task, agent.style),
        temperature=1.0,
        seed=0,
    )
    return EpisodeGroup(
        task=task,
        episodes=tuple(_worth(e, r) for e, r in zip(played.episodes, returns, strict=True)),
    )


def _worth(episode: Episode, value: float | None) -> Episode:
    from dataclasses import replace

    first = replace(episode.turns[0], reward=value or 0.0)
    rest = [replace(turn, reward=0.0) for turn in episode.turns[1:]]
    turns = (first, *rest)
    if value is None:
        return replace(episode, turns=turns, stop_reason=StopReason.ERROR, error="boom")
    return replace(episode, turns=turns)


def per_game(group: EpisodeGroup, config: TrainConfig, step: int) -> list[float]:
    """The one advantage that all turns of a game share."""
    [games] = step_advantages([group], parts_of(find_algorithm("dr_grpo")), config, step)
    assert [len(game) for game in games] == [len(e.turns) for e in group.episodes]
    assert all(len(set(game)) == 1 for game in games)
    return [game[0] for game in games]


def test_a_failed_game_has_no_say_in_its_group() -> None:
    config = ten_word_config()
    group = group_of(1.0, None, 1.0, 1.0)
    assert per_game(group, config, 0) == [0.0] * 4
    group = group_of(1.0, None, 0.0, 0.0)
    advantages = per_game(group, config, 0)
    assert advantages == pytest.approx([2 / 3, 0.0, -1 / 3, -1 / 3])
    [values] = step_advantages([group], parts_of(find_algorithm("dr_grpo")), config, 0)
    rows = group_samples(group, values)
    assert len(rows) == 3
    assert [max(row.advantages, key=abs) for row in rows] == pytest.approx([2 / 3, -1 / 3, -1 / 3])


# --- the control


def test_shuffled_advantages_are_a_permutation_inside_the_group(tmp_path: Path) -> None:
    """The first step plays the same games in both runs."""
    straight, shuffled = tmp_path / "straight", tmp_path / "shuffled"
    sizes = ("train.steps=1", "rollout.tasks_per_step=2", "rollout.group_size=8")
    run_in(straight, ten_word_config(*sizes))
    run_in(shuffled, ten_word_config(*sizes, "train.shuffle_advantages=true"))
    a, b = (_advantages(saved_games(folder, 1)) for folder in (straight, shuffled))
    games = [[g["actions"] for g in saved_games(folder, 1)] for folder in (straight, shuffled)]
    assert games[0] == games[1]
    assert a.keys() == b.keys()
    assert a != b
    for task_id in a:
        assert sorted(a[task_id]) == sorted(b[task_id])


def _advantages(games: list[Row]) -> Mapping[str, list[float]]:
    found: defaultdict[str, list[float]] = defaultdict(list)
    for game in games:
        found[game["task_id"]].append(game["advantage"])
    return found


def test_the_shuffle_is_the_same_when_it_is_done_again() -> None:
    config = ten_word_config("train.shuffle_advantages=true")
    group = group_of(1.0, 0.0, 0.5, 0.25, 0.0, 0.0)
    first = per_game(group, config, 3)
    assert first == per_game(group, config, 3)
    others = [per_game(group, config, step) for step in range(4, 9)]
    assert any(other != first for other in others)


# --- resuming


KINDS = {
    "full": ("train.updates_per_batch=2",),
    "lora": ("lora.rank=2", "train.lr=1e-2"),
    "kl": ("train.algo=course", "train.decay_from=0.3"),
    "lora and kl": ("lora.rank=2", "train.algo=grpo"),
    "critic, steered kl": ("train.algo=ppo", "train.kl_target=0.01", "train.updates_per_batch=2"),
    "trust region": ("train.algo=trpo", "rollout.refill_rounds=1"),
    "greedy games": ("train.algo=remax",),
    "pipelined": ("rollout.pipelined=true", "tasks.replay_share=0.5", "train.lr=1e-2"),
    # At 1e-2 a step can be without a signal, as all games earn the same.
    "averaged": ("train.ema_decay=0.8", "train.updates_per_batch=2", "train.lr=3e-3"),
    "averaged lora, pipelined": (
        "train.ema_decay=0.8",
        "lora.rank=2",
        "rollout.pipelined=true",
        "train.lr=1e-2",
    ),
    "pipelined lora": ("rollout.pipelined=true", "lora.rank=2", "train.lr=1e-2"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_resumed_run_logs_what_the_unbroken_one_does(kind: str, tmp_path: Path) -> None:
    config = ten_word_config(
        *KINDS[kind], "train.steps=5", "save.checkpoint_every_steps=2", "env.reward=shaped"
    )
    unbroken, stopped = tmp_path / "unbroken", tmp_path / "stopped"
    whole, resumed = agent_for(config), agent_for(config)
    run_in(unbroken, config, agent=whole)
    outcome = run_in(stopped, config, stop_after=3)
    assert outcome == Outcome(step=3, finished=False)
    assert checkpoints(stopped) == ["step-2", "step-3"]
    assert run_in(stopped, config, agent=resumed) == Outcome(step=5, finished=True)
    assert logged(stopped) == logged(unbroken)
    assert all("train/loss" in row for row in logged(unbroken))
    assert same(weights(resumed), weights(whole))
    assert saved_games(stopped, 5) == saved_games(unbroken, 5)


class Crash(RuntimeError):
    """Stands for the end of the process."""


class Crashing(Watcher):
    """Dies when it is shown a step."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.at = at

    def step(self, record: StepRecord) -> None:
        if record.step == self.at:
            raise Crash


def test_a_run_that_died_goes_on_from_its_last_checkpoint(tmp_path: Path) -> None:
    """Steps that were logged after the checkpoint are played again, to the same numbers."""
    config = ten_word_config("train.steps=4", "save.checkpoint_every_steps=2")
    unbroken, died = tmp_path / "unbroken", tmp_path / "died"
    run_in(unbroken, config)
    with pytest.raises(Crash):
        run_in(died, config, watcher=Crashing(at=3))
    with (died / "metrics.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"step": 4, "rollout/win_')
    assert [row["step"] for row in RunDir(died).records()] == [1, 2, 3]
    run_in(died, config)
    assert logged(died) == logged(unbroken)


def test_a_run_that_died_before_its_first_checkpoint_starts_afresh(tmp_path: Path) -> None:
    config = ten_word_config("train.steps=2", "save.checkpoint_every_steps=2", "lora.rank=2")
    unbroken, died = tmp_path / "unbroken", tmp_path / "died"
    run_in(unbroken, config)
    with pytest.raises(Crash):
        run_in(died, config, watcher=Crashing(at=1))
    run_in(died, config)
    assert logged(died) == logged(unbroken)


def test_a_resumed_critic_is_the_one_that_was_saved(tmp_path: Path) -> None:
    """Its last layer starts at zero, so a new one would say 0 everywhere."""
    config = ten_word_config("train.algo=reinforce_value", "train.steps=3", "env.reward=shaped")
    run_in(tmp_path, config, stop_after=2)
    run_in(tmp_path, config)
    values = [row["train/value_mean"] for row in logged(tmp_path)]
    assert values[0] == 0.0
    assert abs(values[2]) > 1e-3


def test_a_checkpoint_without_the_critic_is_refused(tmp_path: Path) -> None:
    run_in(tmp_path, ten_word_config("train.steps=2"), stop_after=1)
    with pytest.raises(CheckpointError, match="step-1"):
        run_in(tmp_path, ten_word_config("train.steps=2", "train.algo=ppo"))


def test_the_weight_of_the_kl_term_is_steered_to_its_target(tmp_path: Path) -> None:
    config = ten_word_config("train.algo=ppo", "train.kl_target=1e-6", "train.lr=1e-2")
    run_in(tmp_path, config)
    rows = logged(tmp_path)
    coefs = [row["train/kl_coef"] for row in rows]
    assert coefs[0] == 0.01
    for row, coef in zip(rows, coefs[1:], strict=False):
        assert coef == pytest.approx(steered(row["train/kl_coef"], row["train/kl_ref"], 1e-6))
    assert coefs[-1] > 0.0101


@pytest.mark.parametrize("kind", ["full", "averaged", "pipelined"])
def test_a_finished_run_is_prolonged_as_if_it_had_been_longer(kind: str, tmp_path: Path) -> None:
    longer = ten_word_config(*KINDS[kind], "train.steps=4", "env.reward=shaped")
    shorter = longer.model_copy(update={"train": longer.train.model_copy(update={"steps": 2})})
    run_in(tmp_path / "whole", longer)
    run_in(tmp_path / "prolonged", shorter)
    run_in(tmp_path / "prolonged", longer)
    assert logged(tmp_path / "prolonged") == logged(tmp_path / "whole")
    assert saved_games(tmp_path / "prolonged", 4) == saved_games(tmp_path / "whole", 4)


def test_a_run_of_another_device_goes_on_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = ten_word_config("train.steps=2")
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(torch.serialization, "location_tag", lambda storage: "cuda:0")
        run_in(tmp_path, config, stop_after=1)
    assert run_in(tmp_path, config) == Outcome(step=2, finished=True)


def test_a_finished_run_stays_as_it_is(tmp_path: Path) -> None:
    config = ten_word_config("train.steps=2")
    run_in(tmp_path, config)
    before = (tmp_path / "metrics.jsonl").read_bytes()
    assert run_in(tmp_path, config) == Outcome(step=2, finished=True)
    assert (tmp_path / "metrics.jsonl").read_bytes() == before


def test_a_stop_after_the_last_step_is_no_interruption(tmp_path: Path) -> None:
    config = ten_word_config("train.steps=2")
    assert run_in(tmp_path, config, stop_after=2) == Outcome(step=2, finished=True)


@pytest.mark.parametrize("name", ["trainer.pt", "model.safetensors", "trainer.json"])
def test_a_corrupt_checkpoint_is_named_and_nothing_is_changed(name: str, tmp_path: Path) -> None:
    config = ten_word_config("train.steps=2")
    run_in(tmp_path, config, stop_after=1)
    broken = tmp_path / "checkpoints" / "step-1" / name
    broken.write_bytes(broken.read_bytes()[: broken.stat().st_size // 2])
    before = (tmp_path / "metrics.jsonl").read_bytes()
    with pytest.raises(CheckpointError, match="step-1") as caught:
        run_in(tmp_path, config)
    assert "\n" not in str(caught.value)
    assert (tmp_path / "metrics.jsonl").read_bytes() == before
    assert checkpoints(tmp_path) == ["step-1"]


# --- the best checkpoint


def scripted(*win_rates: float) -> Callable[[LanguageAgent], dict[str, float]]:
    """A validation with these results, one after the other."""
    left = iter(win_rates)
    return lambda agent: {"eval/greedy_win_rate": next(left), "eval/greedy_score": 5.0}


def test_the_best_checkpoint_is_kept_and_older_ones_are_pruned(tmp_path: Path) -> None:
    config = ten_word_config(
        "train.steps=5",
        "eval.every_steps=1",
        "save.checkpoint_every_steps=1",
        "save.keep_checkpoints=2",
    )
    run_in(tmp_path, config, validate=scripted(0.1, 0.9, 0.3, 0.9, 0.2))
    assert checkpoints(tmp_path) == ["step-2", "step-4", "step-5"]
    assert json.loads((tmp_path / "best.json").read_text(encoding="utf-8")) == {"step": 2}
    best = RunDir(tmp_path).best_checkpoint()
    assert best is not None
    assert best.name == "step-2"
    assert [row["eval/greedy_win_rate"] for row in logged(tmp_path)] == [0.1, 0.9, 0.3, 0.9, 0.2]


def test_a_new_best_is_saved_at_once_and_remembered_after_a_stop(tmp_path: Path) -> None:
    config = ten_word_config(
        "train.steps=4",
        "eval.every_steps=1",
        "save.checkpoint_every_steps=100",
        "save.keep_checkpoints=1",
    )
    run_in(tmp_path, config, validate=scripted(0.2, 0.8), stop_after=2)
    assert checkpoints(tmp_path) == ["step-2"]
    run_in(tmp_path, config, validate=scripted(0.5, 0.6))
    assert checkpoints(tmp_path) == ["step-2", "step-4"]
    assert RunDir(tmp_path).best_checkpoint() == tmp_path / "checkpoints" / "step-2"


def test_the_best_step_by_win_rate_then_score_then_first() -> None:
    def row(step: int, rate: float, score: float) -> dict[str, float]:
        return {"step": step, "eval/greedy_win_rate": rate, "eval/greedy_score": score}

    assert best_step([{"step": 1}]) is None
    assert best_step([row(1, 0.5, 5.0), row(2, 0.6, 5.5), {"step": 3}]) == 2
    assert best_step([row(1, 0.5, 5.0), row(2, 0.5, 4.5)]) == 2
    assert best_step([row(1, 0.5, 4.5), row(2, 0.5, 4.5)]) == 1


def test_validation_comes_every_so_often_and_at_the_end(tmp_path: Path) -> None:
    config = ten_word_config("train.steps=5", "eval.every_steps=2")
    run_in(tmp_path, config, validate=scripted(0.1, 0.2, 0.3))
    validated = [row["step"] for row in logged(tmp_path) if "eval/greedy_win_rate" in row]
    assert validated == [2, 4, 5]


# --- the game


@pytest.mark.parametrize("name", ["split", "reward", "style", "history"])
def test_what_training_sets_cannot_be_set_twice(name: str) -> None:
    config = ten_word_config(f"env.options.{name}=x")
    with pytest.raises(ConfigError, match=f"env.options.{name}"):
        check_games(config, "compact")


def test_the_game_is_the_one_of_the_settings() -> None:
    config = ten_word_config("env.options.max_guesses=3", "env.reward=shaped")
    env = training_env(config.env, draw_tasks(config, 0)[0], "compact")
    assert isinstance(env, WordleEnv)
    assert env.answers == WORDS
    assert env.reset(seed=0)[0] == "wordle 5x3"
