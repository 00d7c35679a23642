"""The estimate of memory: its parts against what is really kept, its words, and the hint."""

from __future__ import annotations

import io
import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from rich.console import Console
from transformers import AutoModelForCausalLM, Gemma3TextConfig, PretrainedConfig, Qwen3Config

from benchmarks.memory import QWEN3_8B, STEP, large_rows, published, rows
from tests.families import family_agent, save_family
from wordle_rl.agents.decoding import Decoder
from wordle_rl.agents.halves import recompute_layers
from wordle_rl.agents.logprobs import token_logprobs
from wordle_rl.agents.lora import add_lora
from wordle_rl.cli import cli
from wordle_rl.config import PretrainConfig, TrainConfig, parse, preset_names, read_preset
from wordle_rl.errors import ConfigError, ModelError
from wordle_rl.run_dir import RunDir
from wordle_rl.training import dry_run, session
from wordle_rl.training.algorithms import fill_defaults
from wordle_rl.training.dry_run import Plan, plan, plan_imitation
from wordle_rl.training.memory import Workload, hint_at_memory, memory_of, shape_of
from wordle_rl.training.session import run_pretraining

ROOT = Path(__file__).resolve().parents[1]
TOKENS = 300
MIDDLE: dict[str, PretrainedConfig] = {
    "qwen3": Qwen3Config(
        vocab_size=500,
        hidden_size=256,
        intermediate_size=768,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=64,
        tie_word_embeddings=True,
    ),
    "gemma3": Gemma3TextConfig(
        vocab_size=500,
        hidden_size=256,
        intermediate_size=1536,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=1,
        head_dim=64,
        sliding_window=64,
    ),
}


def config(**sections: Any) -> TrainConfig:
    return fill_defaults(parse(TrainConfig, sections))


def kept_bytes(described: PretrainedConfig, dtype: torch.dtype, *, again: bool = False) -> int:
    """What autograd keeps of a forward pass over one row, weights left out."""
    model = AutoModelForCausalLM.from_config(described, attn_implementation="sdpa").eval()
    if again:
        recompute_layers(model)
    weights = {p.untyped_storage().data_ptr() for p in model.parameters()}
    kept: dict[int, torch.Tensor] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        place = tensor.untyped_storage().data_ptr()
        if place not in weights:
            kept[place] = tensor
        return tensor

    ids = torch.randint(5, 500, (1, TOKENS))
    mask = torch.ones_like(ids, dtype=torch.bool)
    mask[:, 0] = False
    half = torch.autocast("cpu", dtype) if dtype is torch.bfloat16 else nullcontext()
    with half, torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        logprobs, _ = token_logprobs(model, ids, mask)
    assert logprobs.requires_grad
    return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("name", MIDDLE)
def test_activations_are_what_autograd_keeps(name: str, dtype: torch.dtype) -> None:
    described = MIDDLE[name]
    kept = kept_bytes(described, dtype) - TOKENS * 500 * 4  # the log-softmax
    copies = 0
    if dtype is torch.bfloat16:  # autocast's copies of the weights are kept too: counted as weights
        copies = 2 * shape_of(described).linear
    ratio = shape_of(described).activation_bytes(dtype.itemsize) * TOKENS / (kept - copies)
    assert 0.7 < ratio < 1.3


def test_inputs_of_layers_are_what_checkpointing_keeps() -> None:
    """Beside one layer's activations, which are there while that layer is computed again."""
    described = MIDDLE["qwen3"]
    shape = shape_of(described)
    kept = kept_bytes(described, torch.float32, again=True) - TOKENS * 500 * 4
    one_layer = shape.activation_bytes(4) // shape.layers
    inputs = (shape.checkpointed_bytes(4) - one_layer) * TOKENS
    final_norm = 3 * TOKENS * shape.hidden * 4  # its input, what it returns, and the rows of it
    assert 0.7 < (inputs + final_norm) / kept < 1.3


def test_the_cache_is_what_a_decoder_keeps() -> None:
    agent = family_agent("qwen3")
    decoder = Decoder(agent.model, agent.pad_id, [0, 1])
    with torch.inference_mode():
        decoder.extend([tuple(range(5, 45))] * 2)
    held = sum(
        layer.keys.numel() + layer.values.numel()
        for layer in decoder._cache.layers  # type: ignore[union-attr]
    )
    assert held == 2 * 40 * shape_of(agent.model.config).cache_entries


def test_adapters_have_as_many_weights_as_are_counted() -> None:
    agent = family_agent("gemma3")
    shape = shape_of(agent.model.config)
    model = add_lora(agent.model, rank=3, alpha=4)
    assert sum(p.numel() for p in model.parameters() if p.requires_grad) == 3 * shape.sides


def test_published_models_have_as_many_parameters_as_published() -> None:
    counts = {name: shape_of(described).parameters for name, described in published().items()}
    assert counts == {
        "qwen3-0.6b": 596_049_920,
        "qwen3-1.7b": 1_720_574_976,
        "gemma-3-1b": 999_885_952,
    }
    assert counts.keys() <= preset_names().keys()


WORK = Workload(games=10, tokens_per_game=100, update_tokens=200)


def test_what_costs_memory_and_what_saves_it() -> None:
    shape = shape_of(MIDDLE["qwen3"])

    def peak(work: Workload = WORK, dtype: torch.dtype = torch.bfloat16, **sections: Any) -> float:
        return memory_of(shape, work, config(**sections), dtype).peak

    full = peak()
    assert peak(train={"algo": "grpo"}) == full + 4 * shape.parameters, "a copy as reference"
    assert peak(model={"gradient_checkpointing": True}) < full
    adapter = peak(lora={"rank": 4})
    assert peak(lora={"rank": 4}, train={"algo": "grpo"}) == adapter, "no second model"
    assert peak(lora={"rank": 4, "bits": 4}) < adapter < full
    averaged = {"ema_decay": 0.9}
    assert peak(train=averaged) == full + 4 * shape.parameters, "an average beside the weights"
    assert adapter < peak(lora={"rank": 4}, train=averaged) < adapter + 4 * shape.parameters
    ahead = memory_of(shape, WORK, config(rollout={"pipelined": True}), torch.bfloat16)
    alone = memory_of(shape, WORK, config(), torch.bfloat16)
    assert ahead.weights == 2 * alone.weights, "the policy of before plays on"
    assert ahead.peak == ahead.weights + ahead.training + ahead.playing + ahead.updating
    many = Workload(games=10_000, tokens_per_game=100, update_tokens=200)
    large = Workload(games=10, tokens_per_game=100, update_tokens=20_000)
    assert min(peak(many), peak(large)) > full
    both = memory_of(shape, many, config(), torch.float32)
    assert both.peak == both.weights + both.training + both.playing


def test_logits_cost_no_more_than_a_part_of_them() -> None:
    shape = shape_of(published()["qwen3-0.6b"])
    few, many = (
        memory_of(
            shape,
            Workload(games=1, tokens_per_game=1, update_tokens=tokens),
            config(),
            torch.bfloat16,
        ).updating
        for tokens in (1024, 4096)
    )
    assert many - few == 3072 * shape.activation_bytes(2)


def test_a_dry_run_says_it_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(cli, ["train", "--dry-run", "--device", "cpu"])
    assert done.exit_code == 0
    assert done.output.startswith("memory on cpu, estimated:\n  weights ")
    assert "512 games of at most" in done.output
    told = CliRunner().invoke(cli, ["train", "--dry-run", "--device", "cpu", "--json"])
    parts = json.loads(told.output)["bytes"]
    assert parts["peak"] == parts["weights"] + parts["training"] + max(
        parts["playing"], parts["updating"]
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("algo", ["sft", "reward-model"])
def test_a_dry_run_of_what_plays_no_games_is_refused(algo: str) -> None:
    done = CliRunner().invoke(cli, ["train", "--dry-run", "--algo", algo, "--device", "cpu"])
    assert isinstance(done.exception, ConfigError)
    assert "--dry-run" in str(done.exception)


def test_a_plan_that_does_not_fit_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    planned = plan(config(model={"device": "cpu"}))
    assert not planned.is_too_much
    monkeypatch.setattr(dry_run, "device_memory", lambda device: 1e6)
    assert planned.is_too_much
    assert planned.lines[-1].endswith(" of 0.0 GB")


def test_what_vllm_takes_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dry_run, "device_memory", lambda device: 10e9)
    sampler = {"kind": "vllm", "memory_share": 0.4}
    inside = plan(config(model={"device": "cpu"}, sampler=sampler))
    assert inside.lines[-1].endswith(" of 6.0 GB")
    served = {**sampler, "base_url": "http://localhost:8000/v1"}
    assert plan(config(model={"device": "cpu"}, sampler=served)).lines[-1].endswith(" of 10.0 GB")


def test_running_out_of_memory_is_one_line_that_says_what_to_change() -> None:
    settings = config(train={"micro_batch_tokens": 777}, rollout={"tasks_per_step": 55})
    for error in (torch.OutOfMemoryError("CUDA out of memory."), RuntimeError("out of memory")):
        with pytest.raises(ModelError) as caught, hint_at_memory(settings):
            raise error
        assert "train.micro_batch_tokens (now 777)" in str(caught.value)
        assert "rollout.tasks_per_step (now 55)" in str(caught.value)
        assert "\n" not in str(caught.value)
    with pytest.raises(RuntimeError, match="another"), hint_at_memory(settings):
        raise RuntimeError("another")


def test_imitation_names_settings_of_its_own() -> None:
    settings = PretrainConfig(micro_batch_tokens=333)
    with pytest.raises(ModelError) as caught, hint_at_memory(settings):
        raise torch.OutOfMemoryError("CUDA out of memory.")
    assert "micro_batch_tokens (now 333)" in str(caught.value)
    assert "train." not in str(caught.value)


def test_a_plan_of_imitation(tmp_path: Path) -> None:
    folder = str(save_family("qwen2.5", tmp_path / "model"))
    settings = PretrainConfig(model=folder, device="cpu", dtype="float32", lora_rank=4)
    found = plan_imitation(settings, games=208)
    assert found.workload.games == 208
    assert found.workload.update_tokens == settings.micro_batch_tokens
    again = settings.model_copy(update={"gradient_checkpointing": True})
    assert plan_imitation(again, games=208).memory.updating < found.memory.updating
    whole = settings.model_copy(update={"lora_rank": 0})
    assert plan_imitation(whole, games=208).memory.training > found.memory.training


def test_imitation_says_what_it_needs_and_where_it_ran_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On an accelerator, which a CPU stands in for here."""
    folder = str(save_family("qwen2.5", tmp_path / "model"))
    settings = PretrainConfig(model=folder, device="cpu", dtype="float32", eval_every_steps=0)
    monkeypatch.setattr(session, "pick_device", lambda name: torch.device("cuda"))
    monkeypatch.setattr(dry_run, "device_memory", lambda device: 1e6)

    def run_out(*given: Any, **named: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(session, "pretrain", run_out)
    console = Console(record=True, width=200, file=io.StringIO())
    with pytest.raises(ModelError, match="gradient_checkpointing=true"):
        run_pretraining(settings, RunDir(tmp_path / "run"), console=console)
    said = console.export_text()
    assert "memory: peak about" in said
    assert "more than there is" in said


def test_the_table_of_the_docs_is_the_estimate() -> None:
    text = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
    assert "\n".join(rows()) in text


def test_the_table_of_the_8b_model_is_the_estimate() -> None:
    text = (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8")
    assert "\n".join(large_rows()) in text


def test_processes_share_games_and_with_shard_weights() -> None:
    shape = shape_of(MIDDLE["qwen3"])

    def of(processes: int, **sections: Any) -> Any:
        return memory_of(shape, WORK, config(**sections), torch.bfloat16, processes)

    alone, copies = of(1), of(4)
    assert copies.weights == alone.weights
    assert copies.training == alone.training
    parts = of(4, train={"shard": True})
    assert parts.weights == shape.parameters * 4 / 4
    assert parts.training == alone.training / 4
    assert parts.gathered == shape.parameters * (4 + 2)
    assert parts.playing == alone.playing + parts.gathered
    layer = shape.layer
    whole = 4 * (shape.outside + 2 * layer) + 2 * 4 * (shape.outside + layer)
    assert parts.updating == pytest.approx(alone.updating + 2 * shape.parameters + whole)
    assert of(1, train={"shard": True}) == alone, "alone there is nothing to share"
    adapter = of(4, train={"shard": True}, lora={"rank": 4})
    assert adapter.gathered == 2 * shape.parameters, "frozen weights are held in bfloat16"
    assert layer * shape.layers + shape.outside == shape.parameters
    assert shape.outside == 500 * 256 + 256, "a tied embedding and the last norm"


@pytest.mark.parametrize("preset", ["default", "guess-number", "math", "tictactoe", "champion"])
def test_a_preset_of_the_built_in_models_has_an_estimate(preset: str) -> None:
    """Self-play too, which has no environment, and never more than the model can read."""
    values = {**read_preset(preset)}
    values["model"] = {**values.get("model", {}), "path": "nano", "device": "cpu"}
    planned = plan(fill_defaults(parse(TrainConfig, values)))
    assert 0 < planned.workload.tokens_per_game <= 2048
    assert planned.memory.peak > 0


def test_games_of_an_evaluation_count_as_well() -> None:
    small = {"rollout": {"tasks_per_step": 2, "group_size": 2}, "model": {"device": "cpu"}}
    games = [
        plan(fill_defaults(parse(TrainConfig, {**small, "eval": chosen}))).workload.games
        for chosen in ({}, {"batch_games": 7}, {"every_steps": 0, "final_suite": ""})
    ]
    assert games == [128, 7, 4]


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        (["sampler.kind=vllm"], "sampler.kind='vllm' runs in one process"),
        (["rollout.pipelined=true"], "rollout.pipelined=true runs in one process"),
        (["lora.bits=4"], "lora.bits=4 freezes the weights: set lora.rank as well"),
    ],
)
def test_a_dry_run_refuses_what_training_refuses(settings: list[str], line: str) -> None:
    sets = [part for setting in settings for part in ("--set", setting)]
    done = CliRunner().invoke(cli, ["train", "--dry-run", "--processes", "2", *sets])
    assert isinstance(done.exception, ConfigError)
    assert str(done.exception).startswith(line)


def test_an_estimate_that_fails_stops_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing() -> Plan:
        raise ConfigError("setting env.options.opponent: leave it out")

    monkeypatch.setattr(session, "pick_device", lambda name: torch.device("cuda"))
    console = Console(file=io.StringIO())
    session.warn_of_memory("auto", failing, console)
    assert "memory: not estimated, setting env.options" in console.file.getvalue()  # type: ignore[attr-defined]


def test_a_dry_run_for_so_many_processes(tmp_path: Path) -> None:
    """The 8 B model of the docs, with another tokenizer: weights do not depend on it."""
    folder = save_family("qwen3", tmp_path / "model")
    QWEN3_8B.save_pretrained(folder)
    settings = [
        f"{section}.{key}={str(value).lower()}"
        for section, values in STEP.items()
        for key, value in values.items()
    ]
    sets = [part for item in settings for part in ("--set", item)]
    command = ["train", "--dry-run", "--model", str(folder), "--device", "cpu", *sets]
    command += ["--set", "model.dtype=bfloat16", "--env", "wordle"]
    told = CliRunner().invoke(cli, [*command, "--processes", "8", "--json"])
    assert told.exit_code == 0, told.output
    found = json.loads(told.output)
    assert found["processes"] == 8
    assert found["workload"]["games"] == 16
    [row] = [line for line in large_rows() if line.startswith("| 8 devices, all weights |")]
    weights, training = row.split(" | ")[1:3]
    assert f"{found['bytes']['weights'] / 1e9:.1f}" == weights
    assert f"{found['bytes']['training'] / 1e9:.1f}" == training
    said = CliRunner().invoke(cli, [*command, "--processes", "8"])
    assert said.output.startswith("memory of each of 8 processes on cpu, estimated:\n")
    assert "whole weights 49.1 GB" in said.output


def test_a_dry_run_refuses_what_several_processes_cannot_do() -> None:
    command = ["train", "--dry-run", "--device", "cpu", "--processes", "2", "--algo", "trpo"]
    done = CliRunner().invoke(cli, command)
    assert isinstance(done.exception, ConfigError)
    assert "one of 2" in str(done.exception)
    alone = CliRunner().invoke(cli, ["train", "--device", "cpu", "--processes", "2"])
    assert isinstance(alone.exception, ConfigError)
    assert "--processes is for --dry-run" in str(alone.exception)
