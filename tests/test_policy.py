"""The model of a run: adapters, how it is spoken to, and a run from end to end on a real family."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from peft import PeftModel
from peft.tuners.lora import LoraLayer

from tests.families import FAMILIES, family_agent, family_model, save_family
from tests.test_families import games, rows, scored
from wordle_rl.agents.language import LanguageAgent
from wordle_rl.agents.loading import load_language_agent
from wordle_rl.agents.lora import add_lora, plain_weights
from wordle_rl.cli import cli
from wordle_rl.config import LoraSection, ModelSection, TrainConfig
from wordle_rl.errors import ConfigError
from wordle_rl.records import Episode
from wordle_rl.training.algorithms import fill_defaults
from wordle_rl.training.checkpoint import load_checkpoint, save_checkpoint
from wordle_rl.training.learner import new_learner
from wordle_rl.training.policy import load_player, load_policy

pytestmark = pytest.mark.filterwarnings(
    "ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"
)

CPU = {"device": "cpu", "dtype": "float32"}
SETTINGS = (
    *("--device", "cpu", "--steps", "2", "--json", "--set", "model.dtype=float32"),
    *("--set", "rollout.tasks_per_step=2", "--set", "rollout.group_size=3"),
    *("--set", "rollout.max_turns=3", "--set", "model.max_new_tokens=6"),
    *("--set", "eval.every_steps=0", "--set", "eval.final_suite="),
    *("--set", "env.reward=binary"),
    *("--set", "env.rewards={ length = { weight = 1.0, free_chars = 0, max_chars = 60 } }"),
)


def transcripts(episodes: list[Episode]) -> list[list[str]]:
    return [[turn.action for turn in episode.turns] for episode in episodes]


def disturb(model: torch.nn.Module) -> None:
    """Give adapters weights that change what is said; a new adapter changes nothing."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        for parameter in model.parameters():
            if parameter.requires_grad:
                torch.nn.init.normal_(parameter, std=0.3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_family("qwen3", tmp_path_factory.mktemp("models") / "qwen3")


# --- adapters


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
@pytest.mark.parametrize("name", FAMILIES)
def test_without_its_adapter_the_model_is_the_base_bit_for_bit(name: str) -> None:
    agent = family_agent(name)
    samples = [row for episode in games(agent, tasks=1, group=2) for row in rows(episode)]
    base = scored(agent, samples)
    agent.model = add_lora(agent.model, rank=4, alpha=8)
    disturb(agent.model)
    assert scored(agent, samples) != base
    with agent.model.disable_adapter():
        assert scored(agent, samples) == base


def test_all_linear_layers_but_the_head_are_adapted() -> None:
    model = add_lora(family_agent("qwen3").model, rank=2, alpha=4)
    adapted = {name.split(".lora_")[0] for name, p in model.named_parameters() if p.requires_grad}
    linear = {
        name.removesuffix(".base_layer")
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and ".lora_" not in name and "lm_head" not in name
    }
    assert adapted == linear
    assert len(adapted) == 2 * 7


def test_a_saved_adapter_plays_the_same_games(folder: Path, tmp_path: Path) -> None:
    """As the merged model of a checkpoint, and as the adapter that training goes on with."""
    config = ModelSection(path=str(folder), max_new_tokens=6, **CPU)
    agent = load_policy(config, LoraSection(rank=4), seed=0)
    disturb(agent.model)
    before = transcripts(greedy(agent))
    assert before != transcripts(greedy(load_player(config, str(folder))))
    save_checkpoint(
        tmp_path / "step-1", model=agent.model, tokenizer=agent.tokenizer, optimizers=[], state={}
    )
    merged = load_player(config, str(tmp_path / "step-1"))
    assert not isinstance(merged.model, PeftModel)
    assert transcripts(greedy(merged)) == before
    again = load_policy(config, LoraSection(rank=4), seed=1)
    assert transcripts(greedy(again)) != before
    load_checkpoint(tmp_path / "step-1", model=again.model, optimizers=[])
    assert transcripts(greedy(again)) == before
    for ours, theirs in zip(again.model.parameters(), agent.model.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_a_young_adapter_on_bfloat16_weights_is_saved_in_full_precision(
    folder: Path, tmp_path: Path
) -> None:
    config = ModelSection(path=str(folder), max_new_tokens=6, device="cpu", dtype="bfloat16")
    agent = load_policy(config, LoraSection(rank=4), seed=0)
    start = {name: weight.float() for name, weight in plain_weights(agent.model)}
    with torch.no_grad():
        for name, weight in agent.model.named_parameters():
            if "lora_B" in name:
                weight.normal_(std=1e-4)
    save_checkpoint(
        tmp_path / "step-1", model=agent.model, tokenizer=agent.tokenizer, optimizers=[], state={}
    )
    saved = load_player(config, str(tmp_path / "step-1")).model.state_dict()
    layers = {n: m for n, m in agent.model.named_modules() if isinstance(m, LoraLayer)}
    assert layers
    for name, layer in layers.items():
        plain = name.removeprefix("base_model.model.") + ".weight"
        added = layer.get_delta_weight("default").float()  # type: ignore[operator]
        assert saved[plain].dtype is torch.float32
        # Of weights around 0.02 float32 keeps steps of 2e-9; bfloat16 those of 1e-4.
        torch.testing.assert_close(saved[plain] - start[plain], added, rtol=0, atol=3e-8)


def greedy(agent: LanguageAgent) -> list[Episode]:
    return games(agent, tasks=3, group=1, temperature=0.0)


def test_frozen_weights_are_held_in_what_they_are_multiplied_in(folder: Path) -> None:
    config = ModelSection(path=str(folder), device="cpu", dtype="bfloat16")
    agent = load_policy(config, LoraSection(rank=4), seed=0)
    kinds = {p.requires_grad: p.dtype for p in agent.model.parameters()}
    assert kinds == {True: torch.float32, False: torch.bfloat16}
    frequencies = [b for name, b in agent.model.named_buffers() if name.endswith("inv_freq")]
    assert frequencies
    assert {b.dtype for b in frequencies} == {torch.float32}
    full = load_policy(config, LoraSection(), seed=0)
    assert {p.dtype for p in full.model.parameters()} == {torch.float32}


def test_the_reference_of_an_adapter_is_no_second_model(folder: Path) -> None:
    config = fill_defaults(
        TrainConfig.model_validate(
            {
                "model": {"path": str(folder), "max_new_tokens": 6, **CPU},
                "train": {"algo": "grpo"},
                "lora": {"rank": 2},
            }
        )
    )
    agent = load_policy(config.model, config.lora, seed=0)
    assert config.train.kl_coef
    learner = new_learner(agent, config)
    assert learner.update.reference is agent.model
    trained = sum(p.numel() for p in learner.update.parameters())
    assert trained < 0.3 * sum(p.numel() for p in agent.model.parameters())


def test_four_bits_need_an_adapter_and_a_package(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = ModelSection(path=str(folder), **CPU)
    with pytest.raises(ConfigError, match=r"set lora\.rank as well"):
        load_policy(config, LoraSection(bits=4), seed=0)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'wordle-rl\[qlora\]'"):
        load_policy(config, LoraSection(bits=4, rank=4), seed=0)


# --- how a model is spoken to


def test_how_a_model_was_spoken_to_is_kept_with_it(folder: Path, tmp_path: Path) -> None:
    config = ModelSection(
        path=str(folder),
        max_new_tokens=9,
        system="Be brief.",
        chat_template_kwargs={"enable_thinking": False},
        think_tokens=5,
        **CPU,
    )
    agent = load_player(config, str(folder))
    agent.save(tmp_path / "saved")
    again = load_language_agent(str(tmp_path / "saved"), **CPU)
    assert again.max_new_tokens == 9
    assert again.chat.options == agent.chat.options
    assert again.chat.opening("x") == agent.chat.opening("x")
    prompt = again.tokenizer.decode(again.chat.opening("x"))
    assert prompt.startswith("<|im_start|>system\nBe brief.<|im_end|>")
    assert prompt.endswith("<think>\n\n</think>\n\n")


def test_the_models_own_way_stays_where_nothing_is_set(folder: Path, tmp_path: Path) -> None:
    spoken = ModelSection(path=str(folder), system="Be brief.", **CPU)
    load_player(spoken, str(folder)).save(tmp_path / "saved")
    plain = ModelSection(path=str(tmp_path / "saved"), **CPU)
    assert load_player(plain, plain.path).chat.options.system == "Be brief."


# --- from end to end


def test_an_adapter_is_trained_from_end_to_end(folder: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    done = CliRunner().invoke(
        cli,
        [
            *("train", "--set", f"model.path={folder}", "--set", "lora.rank=8", *SETTINGS),
            *("--run-dir", str(run)),
        ],
    )
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["finished"] is True
    assert "rewrites earlier turns" in done.stderr
    records = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [record["step"] for record in records] == [1, 2]
    assert all(record["train/grad_norm"] > 0 for record in records)
    assert all(0 < record["rollout/truncated"] <= 1 for record in records)
    start, end = (load_language_agent(str(p), **CPU) for p in (folder, run))
    assert start.model.config.model_type == end.model.config.model_type == "qwen3"
    changed = {
        name
        for name, value in end.model.state_dict().items()
        if not torch.equal(value, start.model.state_dict()[name])
    }
    assert len(changed) == 2 * 7
    assert all(name.endswith("proj.weight") for name in changed)


@pytest.mark.slow
def test_an_adapter_is_trained_by_the_command_itself(folder: Path, tmp_path: Path) -> None:
    """In a process of its own, as a user starts it."""
    run, root = tmp_path / "run", Path(__file__).resolve().parents[1]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "wordle_rl", "train"),
            *("--set", f"model.path={folder}", "--set", "lora.rank=8", *SETTINGS),
            *("--run-dir", str(run)),
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        encoding="utf-8",
        timeout=250,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout)["finished"] is True
    assert "Traceback" not in done.stderr
    records = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert all(record["train/grad_norm"] > 0 for record in records)
    assert load_language_agent(str(run), **CPU).model.config.model_type == "qwen3"


@pytest.mark.parametrize(
    ("preset", "family", "rank"),
    [("qwen3-0.6b", "qwen3", 0), ("qwen3-1.7b", "qwen3", 32), ("gemma-3-1b", "gemma3", 32)],
)
def test_a_preset_trains_a_model_of_its_family(
    preset: str, family: str, rank: int, tmp_path: Path
) -> None:
    folder, run = save_family(family, tmp_path / "model"), tmp_path / "run"
    done = CliRunner().invoke(
        cli,
        [
            *("train", "--preset", preset, "--model", str(folder), *SETTINGS),
            *("--run-dir", str(run)),
        ],
    )
    assert done.exit_code == 0, done.output
    records = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [record["step"] for record in records] == [1, 2]
    assert all(record["train/grad_norm"] > 0 for record in records)
    assert f"rank = {rank}" in (run / "config.toml").read_text()


@pytest.mark.parametrize("players", ["{}", '{wordle="random-consistent"}'])
def test_a_warm_start_in_chat_style(players: str, folder: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    done = CliRunner().invoke(
        cli,
        [
            *("pretrain", "--model", str(folder), "--style", "chat", "--steps", "4"),
            *("--device", "cpu", "--set", "dtype=float32", "--set", "games_per_step=2"),
            *("--set", "eval_every_steps=0", "--set", "lora_rank=4", "--set", "adamw_lr=0.01"),
            *("--set", "warmup_steps=1", "--run-dir", str(run), "--set", f"players={players}"),
        ],
    )
    assert done.exit_code == 0, done.output
    losses = [
        json.loads(line)["train/loss"] for line in (run / "metrics.jsonl").read_text().splitlines()
    ]
    assert losses[-1] < losses[0] - 0.5
    agent = load_language_agent(str(run), **CPU)
    assert agent.style == "chat"
    assert agent.chat.options.variables == {"enable_thinking": False}


def test_what_is_for_other_models_is_refused_for_a_new_one(tmp_path: Path) -> None:
    done = CliRunner().invoke(
        cli, ["pretrain", "--style", "chat", "--run-dir", str(tmp_path / "run")]
    )
    assert isinstance(done.exception, ConfigError)
    assert "name one with --model" in str(done.exception)


@pytest.mark.skipif(
    importlib.util.find_spec("bitsandbytes") is None,
    reason="bitsandbytes is an extra: pip install 'wordle-rl[qlora]'",
)
@pytest.mark.filterwarnings("default")
def test_an_adapter_on_four_bits_is_saved_in_full_precision(tmp_path: Path) -> None:
    wide = {"hidden_size": 128, "intermediate_size": 256, "head_dim": 32, "num_key_value_heads": 4}
    family = replace(FAMILIES["qwen3"], config=wide)
    tokenizer = family.tokenizer()
    family_model(family, tokenizer).save_pretrained(tmp_path / "model")
    tokenizer.save_pretrained(tmp_path / "model")
    config = ModelSection(path=str(tmp_path / "model"), max_new_tokens=6, **CPU)
    agent = load_policy(config, LoraSection(rank=4, bits=4), seed=0)
    held = [p for p in agent.model.parameters() if p.dtype is torch.uint8]
    assert len(held) == 2 * 7
    disturb(agent.model)
    samples = [row for episode in games(agent, tasks=1, group=2) for row in rows(episode)]
    ours = scored(agent, samples)
    agent.save(tmp_path / "saved")
    saved = load_player(config, str(tmp_path / "saved"))
    assert {p.dtype for p in saved.model.parameters()} == {torch.float32}
    base = scored(load_player(config, str(tmp_path / "model")), samples)
    for mine, theirs, without in zip(scored(saved, samples), ours, base, strict=True):
        assert mine == pytest.approx(theirs, abs=0.05)
        assert mine != pytest.approx(without, abs=0.5)
