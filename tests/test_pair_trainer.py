"""Runs that learn from pairs: what they log and keep, and that a resumed one goes on alike."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.preference_files import file_of_games, won_over_lost
from tests.ten_words import Watcher, same, taught_agent, ten_word_config, weights
from tests.test_trainer import agent_for, logged, saved_games
from wordle_rl.config import TrainConfig
from wordle_rl.errors import ConfigError
from wordle_rl.records import Episode, EpisodeGroup, Outcome
from wordle_rl.run_dir import RunDir
from wordle_rl.training.games import BEGINNING
from wordle_rl.training.loops import loop_of
from wordle_rl.training.pair_source import read_rankings, rows_that_fit, shuffled, source_of
from wordle_rl.training.pair_trainer import train_on_pairs
from wordle_rl.training.preferences import Ranking, write_preferences
from wordle_rl.training.scoring import Scores, WeightedScorer


def config_of(folder: Path, *overrides: str, offline: bool = True) -> TrainConfig:
    path = f'preference.path="{file_of_games(folder)}"' if offline else "train.seed=0"
    size = "preference.batch_size=4" if offline else "train.seed=0"
    return ten_word_config("train.algo=dpo", path, size, *overrides)


def run_in(folder: Path, config: TrainConfig, **more: Any) -> tuple[Any, Outcome]:
    folder.mkdir(exist_ok=True)
    agent, watcher = agent_for(config), Watcher()
    stop_after = more.pop("stop_after", None)
    outcome = train_on_pairs(
        agent,
        config,
        RunDir(folder),
        display=watcher,
        interrupted=lambda: len(watcher.records) == stop_after,
        **more,
    )
    return agent, outcome


def test_a_run_on_a_file_logs_and_keeps_checkpoints(tmp_path: Path) -> None:
    config = config_of(tmp_path)
    _, outcome = run_in(tmp_path, config)
    rows = logged(tmp_path)
    assert outcome == Outcome(step=4, finished=True)
    assert [row["step"] for row in rows] == [1, 2, 3, 4]
    assert [row["train/pairs"] for row in rows] == [8.0] * 4
    assert rows[0]["train/loss"] == pytest.approx(0.693147, abs=1e-6)
    assert rows[-1]["train/epoch"] == pytest.approx(16 / 9)
    assert not any(key.startswith("rollout/") for row in rows for key in row)
    assert sorted(p.name for p in (tmp_path / "checkpoints").iterdir()) == ["step-2", "step-4"]
    assert not (tmp_path / "episodes").exists()


def test_a_run_on_its_own_games_compares_all_of_a_group(tmp_path: Path) -> None:
    config = config_of(tmp_path, "env.reward=shaped", offline=False)
    run_in(tmp_path, config)
    rows = logged(tmp_path)
    assert [row["rollout/games"] for row in rows] == [12.0] * 4
    games = saved_games(tmp_path, 4)
    assert len(games) == 12
    groups: dict[str, list[tuple[bool, float]]] = {}
    for game in games:
        groups.setdefault(game["task_id"], []).append((game["solved"], round(game["reward"], 9)))
    pairs = sum(a > b for group in groups.values() for a in group for b in group)
    assert rows[-1]["train/pairs"] == pairs > 0
    assert len((tmp_path / "tasks.jsonl").read_text().splitlines()) == 4


@pytest.mark.parametrize("offline", [True, False])
@pytest.mark.parametrize("extra", ["train.algo=dpo", "train.algo=ipo", "lora.rank=2"])
def test_a_resumed_run_goes_on_to_the_same_numbers(
    offline: bool, extra: str, tmp_path: Path
) -> None:
    config = config_of(tmp_path, extra, offline=offline)
    whole, _ = run_in(tmp_path / "whole", config)
    _, outcome = run_in(tmp_path / "parts", config, stop_after=3)
    assert outcome == Outcome(step=3, finished=False)
    parts, outcome = run_in(tmp_path / "parts", config)
    assert outcome == Outcome(step=4, finished=True)
    assert logged(tmp_path / "whole") == logged(tmp_path / "parts")
    assert same(weights(whole), weights(parts))
    assert not same(weights(whole), weights(agent_for(config)))


def test_the_reference_of_a_resumed_run_is_the_starting_model(tmp_path: Path) -> None:
    """With the trained model as reference the margin would begin at 0 again."""
    config = config_of(tmp_path, "train.lr=1e-2", "train.warmup_steps=0")
    run_in(tmp_path, config, stop_after=2)
    run_in(tmp_path, config)
    assert abs(logged(tmp_path)[2]["train/reward_margin"]) > 1e-3


def test_validation_chooses_the_best_checkpoint(tmp_path: Path) -> None:
    rates = iter((0.5, 0.9, 0.7, 0.8))
    run_in(
        tmp_path,
        config_of(tmp_path, "eval.every_steps=1", "save.keep_checkpoints=1"),
        validate=lambda agent: {"eval/greedy_win_rate": next(rates)},
    )
    assert json.loads((tmp_path / "best.json").read_text()) == {"step": 2}
    assert sorted(p.name for p in (tmp_path / "checkpoints").iterdir()) == ["step-2", "step-4"]


def test_a_pass_over_a_file_sees_every_ranking_once(tmp_path: Path) -> None:
    config = config_of(tmp_path, "preference.batch_size=3")
    agent = taught_agent()
    rows = [rows_that_fit(agent, ranking) for ranking in won_over_lost()]
    take = shuffled(rows, config)
    steps = [list(take(step, BEGINNING, lambda text: None).ranked) for step in range(6)]
    first, second = (
        [rows.index(r) for material in steps[k : k + 3] for r in material] for k in (0, 3)
    )
    assert sorted(first) == sorted(second) == list(range(9))
    assert first != second
    assert [rows.index(r) for r in take(1, BEGINNING, lambda text: None).ranked] == first[3:6]


def test_a_scorer_decides_instead_of_who_won(tmp_path: Path) -> None:
    """The road of RLHF: where a model's score is the preference, the outcome is not looked at."""
    seen: list[list[Episode]] = []

    def worst_first(groups: list[EpisodeGroup]) -> Scores:
        seen.extend([list(group.episodes) for group in groups])
        return Scores(values_PG=[[-10.0 * e.solved for e in g.episodes] for g in groups])

    config = config_of(tmp_path, offline=False)
    agent = taught_agent()
    scorer = WeightedScorer(name="model", weight=1.0, scorer=worst_first)
    material = source_of(agent, config, [scorer])(0, BEGINNING, lambda text: None)
    assert any(e.solved for group in seen for e in group)
    for ranked, group in zip(material.ranked, seen, strict=True):
        won = {rank for rank, e in zip(ranked.ranks, group, strict=True) if e.solved}
        lost = {rank for rank, e in zip(ranked.ranks, group, strict=True) if not e.solved}
        assert not (won and lost) or min(won) > max(lost)


def test_a_scorer_with_a_file_is_refused(tmp_path: Path) -> None:
    scorer = WeightedScorer(name="model", weight=1.0, scorer=lambda groups: Scores(values_PG=[]))
    with pytest.raises(ConfigError, match=r"leave out preference\.path"):
        source_of(taught_agent(), config_of(tmp_path), [scorer])


def test_a_file_of_ties_teaches_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ties.jsonl"
    write_preferences(path, [Ranking(prompt=("a",), responses=(("b",), ("c",)), ranks=(1, 1))])
    with pytest.raises(ConfigError, match="no answer in it is better than another"):
        read_rankings(str(path))


def test_what_does_not_fit_the_context_is_named() -> None:
    agent = taught_agent()
    long = Ranking(prompt=("wordle",), responses=(("x" * 3000,), ("y",)), ranks=(1, 2))
    with pytest.raises(ConfigError, match=r"an answer of 30\d\d tokens to 'wordle' does not fit"):
        rows_that_fit(agent, long)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("train.algo=ipo", "preference.label_smoothing=0.1"), "preference.label_smoothing: ipo"),
        (("train.algo=dpo", "preference.center=0.5"), "preference.center: dpo does not read it"),
        (("train.algo=dpo", "train.kl_coef=0.1"), "train.kl_coef: dpo does not read it"),
        (("train.algo=ipo", "train.shuffle_advantages=true"), "train.shuffle_advantages: ipo"),
        (("train.algo=dpo", "train.ema_decay=0.9"), "train.ema_decay: dpo does not read it"),
        (("train.algo=grpo", "preference.beta=0.3"), "preference.beta: grpo does not read it"),
        (("train.algo=rloo", "preference.path=x"), "preference.path: rloo does not read it"),
        (("train.algo=dpoo",), "unknown algorithm 'dpoo': did you mean 'dpo'"),
        (("train.algo=reward-model",), "has a loop of its own"),
    ],
)
def test_settings_that_would_do_nothing_are_refused(
    overrides: tuple[str, ...], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        ten_word_config(*overrides)


def test_unset_settings_are_filled_in() -> None:
    config = ten_word_config("train.algo=dpo")
    assert config.rollout.temperature == 1.0
    assert loop_of("dpo").complete(config) == config
    assert loop_of("dpo").games_per_step(config) == 12
    assert (
        loop_of("dpo").games_per_step(ten_word_config("train.algo=dpo", "preference.path=x")) == 0
    )
