"""Reward models: where a reward is read, and how one is trained, saved, loaded and used."""

import json
import math
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from rich.console import Console

from tests.played import LOST, OTHER_GAME, TASK, WON
from tests.preference_files import file_of_games, won_over_lost
from tests.ten_words import Watcher, same, ten_word_config, tiny_agent, weights
from tests.test_trainer import logged
from tests.tiny import ALL, chatml_tokenizer, tiny_model
from wordle_rl.agents.language import LanguageAgent
from wordle_rl.agents.loading import load_agent, load_language_agent
from wordle_rl.agents.lora import add_lora
from wordle_rl.cli import cli
from wordle_rl.config import TrainConfig, apply_overrides, parse
from wordle_rl.errors import ConfigError, ModelError, RunError
from wordle_rl.records import EpisodeGroup, Outcome
from wordle_rl.run_dir import RunDir
from wordle_rl.training.batch import collate
from wordle_rl.training.known_games import known_game
from wordle_rl.training.pair_methods import complete_pairs
from wordle_rl.training.preference_rows import episode_texts, read_row
from wordle_rl.training.reward_model import RewardModel, reward_scorers
from wordle_rl.training.reward_session import accuracy_line, run_reward_training
from wordle_rl.training.reward_trainer import (
    best_accuracy,
    held_out_accuracy,
    split_rankings,
    train_reward_model,
)
from wordle_rl.training.scoring import add_scores


def config_of(path: Path | str, *overrides: str) -> TrainConfig:
    values: dict[str, Any] = {
        "model": {"dtype": "float32", "device": "cpu"},
        "train": {"algo": "reward-model", "steps": 4, "warmup_steps": 0, "lr": 3e-3},
        "preference": {"path": str(path), "batch_size": 3, "held_out": 0.3},
        "eval": {"every_steps": 2},
        "save": {"checkpoint_every_steps": 2},
    }
    return complete_pairs(parse(TrainConfig, apply_overrides(values, overrides)))


def some_head(model: RewardModel, seed: int = 0) -> RewardModel:
    """A head that says different things of different games."""
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        model.head.weight.copy_(torch.randn(model.head.weight.shape, generator=random))
    return model


def model_on(folder: Path) -> Path:
    tiny_agent().save(folder / "model")
    return folder / "model"


# --- where the reward is read


@pytest.mark.parametrize("family", sorted(ALL))
def test_padding_and_company_change_no_reward(family: str) -> None:
    """Of every family of causal models, those without a classification class included."""
    agent = LanguageAgent(
        tiny_model(family), chatml_tokenizer(), name=family, device="cpu", dtype="float32"
    )
    model = some_head(RewardModel(agent))
    rows = [read_row(tuple(range(3, 3 + n))) for n in (4, 9, 15)]
    with torch.no_grad():
        together = model.rewards(collate(rows, agent.pad_id))
        alone = torch.cat([model.rewards(collate([row], agent.pad_id)) for row in rows])
        hidden = agent.model(
            input_ids=torch.tensor([rows[1].token_ids]), output_hidden_states=True
        ).hidden_states[-1]
        plain = model.head(hidden[0, -1]).item()
    assert torch.allclose(together, alone, atol=1e-4)
    assert len(set(together.tolist())) == 3
    assert together[1].item() == pytest.approx(plain, abs=1e-4)


def test_a_new_head_finds_every_game_worth_the_same() -> None:
    model = RewardModel(tiny_agent())
    rankings = won_over_lost()
    rows = [model.read(r.prompt, response) for r in rankings for response in r.responses]
    assert model.rate(rows) == [0.0] * len(rows)
    assert held_out_accuracy(model, rankings)["eval/pair_accuracy"] == 0.5


def test_rates_keep_the_order_of_the_games() -> None:
    model = some_head(RewardModel(tiny_agent()))
    rows = [model.read(*episode_texts(e)) for e in (LOST, WON, OTHER_GAME)]
    alone = [model.rate([row])[0] for row in rows]
    assert model.rate(rows) == pytest.approx(alone, abs=1e-5)
    assert len(set(alone)) == 3


def test_of_a_game_that_is_too_long_the_end_is_read() -> None:
    model = RewardModel(tiny_agent())
    row = model.read(("wordle",), ("x" * 5000, "GGGGG"))
    assert len(row.token_ids) == model.agent.context_length
    assert model.agent.tokenizer.decode(list(row.token_ids)).endswith("GGGGG<|assistant|>")


# --- training


def test_the_first_loss_is_log_2_and_training_lowers_it(tmp_path: Path) -> None:
    model = RewardModel(tiny_agent())
    config = config_of("x", "train.steps=30", "preference.center=0", "train.lr=1e-2")
    train_reward_model(model, won_over_lost(), config, RunDir(tmp_path), display=Watcher())
    rows = logged(tmp_path)
    assert rows[0]["train/loss"] == pytest.approx(math.log(2), abs=1e-6)
    assert rows[-1]["train/loss"] < 0.3
    assert rows[-1]["train/pair_accuracy"] == 1.0


def test_held_out_secrets_are_measured_and_not_trained(tmp_path: Path) -> None:
    config = config_of("x")
    trained, held_out = split_rankings(won_over_lost(), config)
    assert trained
    assert held_out
    assert not {r.group for r in trained} & {r.group for r in held_out}
    assert len(trained) + len(held_out) == 9
    model = RewardModel(tiny_agent())
    train_reward_model(model, won_over_lost(), config, RunDir(tmp_path), display=Watcher())
    rows = logged(tmp_path)
    measured = [row for row in rows if "eval/pair_accuracy" in row]
    assert [row["step"] for row in measured] == [2, 4]
    for row in measured:
        assert row["eval/pairs"] == 2 * len(held_out)
        assert row["eval/pair_groups"] == len(held_out)
        low, high = row["eval/pair_accuracy_low"], row["eval/pair_accuracy_high"]
        assert 0 <= low <= row["eval/pair_accuracy"] <= high <= 1
    assert measured[-1]["eval/pair_accuracy"] == pytest.approx(
        held_out_accuracy(model, held_out)["eval/pair_accuracy"]
    )


def test_accuracy_counts_pairs_and_halves_ties() -> None:
    """A model that says the number of tokens: of each three games one pair is right, one a tie."""
    model = RewardModel(tiny_agent())
    model.rate = lambda rows: [float(len(r.token_ids)) for r in rows]  # type: ignore[method-assign]
    ranking = replace(won_over_lost()[0], responses=(("abc",), ("ab",), ("xyz",)))
    assert held_out_accuracy(model, [ranking])["eval/pair_accuracy"] == 0.75


def test_all_held_out_is_refused() -> None:
    with pytest.raises(ConfigError, match="all of its 9 rankings are held out"):
        split_rankings(won_over_lost(), config_of("x", "preference.held_out=0.9999"))


def test_the_best_step_is_the_first_of_the_most_accurate() -> None:
    rows = [{"step": s, "eval/pair_accuracy": a} for s, a in ((2, 0.6), (4, 0.8), (6, 0.8))]
    assert best_accuracy([*rows, {"step": 7}]) == 4
    assert best_accuracy([{"step": 1}]) is None


@pytest.mark.parametrize("lora", [0, 2])
def test_a_resumed_run_goes_on_to_the_same_numbers(lora: int, tmp_path: Path) -> None:
    config = config_of("x")

    def run(folder: str, stop_after: int | None = None) -> tuple[RewardModel, Outcome]:
        agent, watcher = tiny_agent(), Watcher()
        if lora:
            agent.model = add_lora(agent.model, rank=lora, alpha=8)
        model = RewardModel(agent)
        outcome = train_reward_model(
            model,
            won_over_lost(),
            config,
            RunDir(tmp_path / folder),
            display=watcher,
            interrupted=lambda: len(watcher.records) == stop_after,
        )
        return model, outcome

    for name in ("whole", "parts"):
        (tmp_path / name).mkdir()
    whole, _ = run("whole")
    assert run("parts", stop_after=3)[1] == Outcome(step=3, finished=False)
    parts, outcome = run("parts")
    assert outcome == Outcome(step=4, finished=True)
    assert logged(tmp_path / "whole") == logged(tmp_path / "parts")
    assert same(weights(whole.agent), weights(parts.agent))
    assert torch.equal(whole.head.weight, parts.head.weight)
    assert whole.head.weight.abs().sum() > 0
    assert not same(weights(whole.agent), weights(tiny_agent())) or lora
    loaded = RewardModel.load(
        str(tmp_path / "whole" / "checkpoints" / "step-4"), device="cpu", dtype="float32"
    )
    rows = [loaded.read(*episode_texts(game)) for game in (WON, LOST)]
    assert loaded.rate(rows) == pytest.approx(whole.rate(rows), abs=1e-4)
    assert loaded.rate(rows)[0] != loaded.rate(rows)[1]


# --- as a scorer


GROUPS = [
    EpisodeGroup(task=TASK, episodes=(WON, LOST, replace(LOST, turns=(), error="boom"))),
    EpisodeGroup(task=TASK, episodes=(LOST,)),
]


def test_games_are_paid_by_the_model() -> None:
    model = some_head(RewardModel(tiny_agent()))
    scores = model(GROUPS)
    won, lost = model.rate([model.read(*episode_texts(game)) for game in (WON, LOST)])
    assert scores.values_PG[0][2] is None
    assert scores.values_PG[0][:2] == pytest.approx([won, lost], abs=1e-5)
    assert scores.values_PG[1] == pytest.approx([lost], abs=1e-5)
    assert scores.metrics["rollout/model_score"] == pytest.approx((won + 2 * lost) / 3, abs=1e-5)
    assert scores.metrics["rollout/model_agreement"] == float(won > lost)


def test_without_a_pair_to_agree_on_nothing_is_said_of_agreement() -> None:
    scores = RewardModel(tiny_agent())(GROUPS[1:])
    assert scores.metrics == {"rollout/model_score": 0.0}
    assert RewardModel(tiny_agent())([]).metrics == {}


def test_the_weight_of_the_settings_is_paid(tmp_path: Path) -> None:
    model = some_head(RewardModel(tiny_agent()))
    folder = saved(model, tmp_path)
    config = ten_word_config(f'reward_model.path="{folder}"', "reward_model.weight=0.5")
    [scorer] = reward_scorers(config)
    paid, _ = add_scores(GROUPS, [scorer])
    reward = model.rate([model.read(*episode_texts(WON))])[0]
    assert paid[0].episodes[0].total_reward == pytest.approx(1 + 0.5 * reward, abs=1e-4)
    assert reward_scorers(ten_word_config()) == []


def saved(model: RewardModel, folder: Path) -> Path:
    from safetensors.torch import save_file

    model.agent.save(folder / "rm")
    save_file(model.head.state_dict(), folder / "rm" / "reward_head.safetensors")
    return folder / "rm"


# --- as a folder


def test_a_reward_model_plays_no_games(tmp_path: Path) -> None:
    folder = saved(RewardModel(tiny_agent()), tmp_path)
    for load in (load_agent, load_language_agent):
        with pytest.raises(ModelError, match="is a reward model, which scores games"):
            load(str(folder))


def test_what_is_no_reward_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is no reward model"):
        RewardModel.load(str(model_on(tmp_path)))
    with pytest.raises(RunError, match="no folder"):
        RewardModel.load(str(tmp_path / "nix"))
    folder = saved(RewardModel(tiny_agent()), tmp_path)
    (folder / "reward_head.safetensors").write_bytes(b"broken")
    with pytest.raises(ModelError, match="is no reward model"):
        RewardModel.load(str(folder))


# --- a run from start to end


def test_a_run_from_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, model = file_of_games(tmp_path), model_on(tmp_path)
    arguments = ["train", "--algo", "reward-model", "--model", str(model), "--preset", "smoke"]
    sets = (
        f'preference.path="{path}"',
        "model.device=cpu",
        "eval.every_steps=1",
        "preference.held_out=0.3",
    )
    arguments += [part for item in sets for part in ("--set", item)]
    run = tmp_path / "run"
    done = CliRunner().invoke(cli, [*arguments, "--run-dir", str(run), "--json"])
    assert done.exit_code == 0, done.output
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["finished"]
    assert result["measured"]["eval/pairs"] > 0
    assert "held-out pairs in the right order" in done.stderr
    scorer = RewardModel.load(str(run), device="cpu")
    assert scorer.agent.style == "compact"

    agents = ["--agent", "random-consistent", "--agent", "random"]
    check = ["judge-check", "--reward-model", str(run), *agents, "--limit", "6", "--device", "cpu"]
    done = CliRunner().invoke(cli, [*check, "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["reward_model"] == str(run)
    assert json.loads(done.stdout)["n"] == 6
    done = CliRunner().invoke(cli, [*check, "--model", "x"])
    assert isinstance(done.exception, ConfigError)


def test_without_a_file_there_is_nothing_to_learn_from(tmp_path: Path) -> None:
    run = RunDir(tmp_path / "run")
    with pytest.raises(ConfigError, match=r"set preference\.path"):
        run_reward_training(config_of(""), run, console=Console(file=StringIO()))
    assert not run.path.exists()


def test_the_line_says_n_and_the_interval() -> None:
    measured = {
        "eval/pair_accuracy": 0.75,
        "eval/pair_accuracy_low": 0.5,
        "eval/pair_accuracy_high": 0.9,
        "eval/pairs": 40.0,
        "eval/pair_groups": 12.0,
    }
    assert accuracy_line(measured).endswith("75.0 % [50.0, 90.0] (40 pairs of 12 groups)")


def test_games_of_which_only_guesses_are_known_cannot_be_read() -> None:
    game = known_game(WON, suite="s")
    model = RewardModel(tiny_agent())
    assert model.grade([game]).scores == (0.0,)
    with pytest.raises(RunError, match="on record as guesses"):
        model.grade([game, replace(game, verbatim=False)])
