"""Checkpoints: whole or not at all, and going on as if nothing had happened."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.optim import Optimizer
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel

from tests.tiny import clean_logits, tiny_model
from wordle_rl.agents.chat import ChatRenderer
from wordle_rl.agents.lora import add_lora
from wordle_rl.agents.nano import byte_tokenizer, new_model
from wordle_rl.errors import CheckpointError
from wordle_rl.training import checkpoint as module
from wordle_rl.training.checkpoint import (
    checkpoints,
    load_checkpoint,
    prune,
    save_checkpoint,
)
from wordle_rl.training.optim import adamw, muon_and_adamw, set_lr

TOKENIZER = byte_tokenizer()
IDS = ChatRenderer(TOKENIZER).opening("wordle 5x6")


def student(seed: int = 0, layers: int = 1) -> tuple[PreTrainedModel, list[Optimizer]]:
    model = new_model(layers=layers, width=32, seed=seed).eval()
    return model, muon_and_adamw(model, muon_lr=0.02, adamw_lr=1e-2)


def train(model: PreTrainedModel, optimizers: Sequence[Optimizer], steps: Sequence[int]) -> None:
    """Predict a text that depends on the step."""
    for step in steps:
        set_lr(optimizers, 1 / (1 + step))
        ids = torch.tensor([[*IDS, *ChatRenderer(TOKENIZER).encode(f"step {step}")]])
        loss = model(input_ids=ids, labels=ids).loss
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()


def save(
    folder: Path, model: PreTrainedModel, optimizers: Sequence[Optimizer], **state: Any
) -> None:
    save_checkpoint(folder, model=model, tokenizer=TOKENIZER, optimizers=optimizers, state=state)


def weights(model: PreTrainedModel) -> list[torch.Tensor]:
    return [p.detach().clone() for p in model.parameters()]


def same(a: Sequence[torch.Tensor], b: Sequence[torch.Tensor]) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


# --- going on


def test_a_resumed_run_ends_with_the_unbroken_runs_weights(tmp_path: Path) -> None:
    unbroken, optimizers = student()
    train(unbroken, optimizers, range(4))

    first, optimizers = student()
    train(first, optimizers, range(2))
    save(tmp_path / "step-2", first, optimizers, step=2, best=0.5)

    second, optimizers = student(seed=9)
    assert not same(weights(second), weights(first))
    state = load_checkpoint(tmp_path / "step-2", model=second, optimizers=optimizers)
    assert state == {"step": 2, "best": 0.5}
    assert same(weights(second), weights(first))
    train(second, optimizers, range(2, 4))
    assert same(weights(second), weights(unbroken))
    assert second.get_input_embeddings().weight is second.get_output_embeddings().weight


def test_optimizer_state_matters_to_that(tmp_path: Path) -> None:
    """The control: without it the weights are others."""
    unbroken, optimizers = student()
    train(unbroken, optimizers, range(4))
    again, optimizers = student()
    train(again, optimizers, range(2))
    train(again, muon_and_adamw(again, muon_lr=0.02, adamw_lr=1e-2), range(2, 4))
    assert not same(weights(again), weights(unbroken))


def test_a_checkpoint_is_an_ordinary_model_folder(tmp_path: Path) -> None:
    model, optimizers = student()
    save(tmp_path / "runs" / "step-1", model, optimizers, step=1)
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path / "runs" / "step-1").eval()
    assert torch.equal(clean_logits(loaded, IDS), clean_logits(model, IDS))
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "runs" / "step-1")
    assert ChatRenderer(tokenizer).opening("wordle 5x6") == IDS


def test_a_model_with_an_untied_head_comes_back(tmp_path: Path) -> None:
    model = tiny_model("llama")
    optimizers = [adamw(model.parameters(), 1e-3)]
    save(tmp_path / "step-1", model, optimizers, step=1)
    other = tiny_model("llama", seed=5)
    load_checkpoint(tmp_path / "step-1", model=other, optimizers=[adamw(other.parameters(), 1e-3)])
    assert same(weights(other), weights(model))


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
def test_an_adapter_comes_back_and_the_folder_holds_the_merged_model(tmp_path: Path) -> None:
    model = add_lora(tiny_model("qwen3"), rank=2, alpha=4)
    trained = [p for p in model.parameters() if p.requires_grad]
    for parameter in trained:
        torch.nn.init.normal_(parameter, std=0.1)
    save(tmp_path / "step-1", model, [adamw(trained, 1e-3)], step=1)
    merged = AutoModelForCausalLM.from_pretrained(tmp_path / "step-1").eval()
    ids = [7, 8, 9, 10]
    assert torch.allclose(clean_logits(merged, ids), clean_logits(model, ids), atol=1e-4)

    other = add_lora(tiny_model("qwen3"), rank=2, alpha=4)
    assert not torch.allclose(clean_logits(other, ids), clean_logits(model, ids), atol=1e-2)
    optimizer = adamw([p for p in other.parameters() if p.requires_grad], 1e-3)
    load_checkpoint(tmp_path / "step-1", model=other, optimizers=[optimizer])
    assert torch.equal(clean_logits(other, ids), clean_logits(model, ids))


# --- whole or not at all


@pytest.mark.parametrize("existing", [False, True])
def test_a_save_that_fails_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, existing: bool
) -> None:
    model, optimizers = student()
    if existing:
        save(tmp_path / "step-1", model, optimizers, step=1, note="old")

    def fail(*args: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(module.torch, "save", fail)
    with pytest.raises(OSError, match="disk full"):
        save(tmp_path / "step-1", model, optimizers, step=1, note="new")
    monkeypatch.undo()
    assert checkpoints(tmp_path) == ([tmp_path / "step-1"] if existing else [])
    if existing:
        state = load_checkpoint(tmp_path / "step-1", model=model, optimizers=optimizers)
        assert state["note"] == "old"
    save(tmp_path / "step-1", model, optimizers, step=1, note="new")
    state = load_checkpoint(tmp_path / "step-1", model=model, optimizers=optimizers)
    assert state["note"] == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["step-1"]


def test_no_half_deleted_checkpoint_keeps_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed while the old checkpoint of the same step is deleted."""
    model, optimizers = student()
    save(tmp_path / "step-1", model, optimizers, step=1)
    real = module.shutil.rmtree

    def die(path: Path, ignore_errors: bool = False) -> None:
        if not (Path(path) / "trainer.json").is_file():
            return real(path, ignore_errors=ignore_errors)
        (Path(path) / "trainer.json").unlink()
        raise KeyboardInterrupt

    monkeypatch.setattr(module.shutil, "rmtree", die)
    with pytest.raises(KeyboardInterrupt):
        save(tmp_path / "step-1", model, optimizers, step=1)
    monkeypatch.undo()
    assert checkpoints(tmp_path) == []
    save(tmp_path / "step-1", model, optimizers, step=1)
    assert [p.name for p in tmp_path.iterdir()] == ["step-1"]


# --- damage


@pytest.mark.parametrize("name", ["model.safetensors", "trainer.pt", "trainer.json"])
@pytest.mark.parametrize("damage", ["missing", "empty", "half", "garbage"])
def test_damage_is_one_line_that_says_what_to_do(tmp_path: Path, name: str, damage: str) -> None:
    model, optimizers = student()
    save(tmp_path / "step-1", model, optimizers, step=1)
    file = tmp_path / "step-1" / name
    content = file.read_bytes()
    file.unlink()
    if damage != "missing":
        file.write_bytes(
            {"empty": b"", "half": content[: len(content) // 2], "garbage": b"\xffgarbage\n" * 99}[
                damage
            ]
        )
    with pytest.raises(CheckpointError, match="delete it to resume from an earlier one") as caught:
        load_checkpoint(tmp_path / "step-1", model=model, optimizers=optimizers)
    assert "\n" not in str(caught.value)
    assert str(tmp_path / "step-1") in str(caught.value)


@pytest.mark.parametrize("text", ["3", "[]", "null"])
def test_a_state_of_another_kind_is_damage(tmp_path: Path, text: str) -> None:
    model, optimizers = student()
    save(tmp_path / "step-1", model, optimizers, step=1)
    (tmp_path / "step-1" / "trainer.json").write_text(text)
    with pytest.raises(CheckpointError, match="cannot read checkpoint"):
        load_checkpoint(tmp_path / "step-1", model=model, optimizers=optimizers)


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    model, optimizers = student()
    with pytest.raises(CheckpointError, match="cannot read checkpoint"):
        load_checkpoint(tmp_path / "step-7", model=model, optimizers=optimizers)


# --- another model


def test_another_models_checkpoint_is_refused(tmp_path: Path) -> None:
    model, optimizers = student(layers=1)
    save(tmp_path / "step-1", model, optimizers, step=1)
    deeper, deeper_optimizers = student(layers=2)
    with pytest.raises(CheckpointError):
        load_checkpoint(tmp_path / "step-1", model=deeper, optimizers=deeper_optimizers)
    wider = new_model(layers=1, width=64)
    with pytest.raises(CheckpointError):
        load_checkpoint(
            tmp_path / "step-1",
            model=wider,
            optimizers=muon_and_adamw(wider, muon_lr=0.02, adamw_lr=1e-2),
        )
    save(tmp_path / "step-2", deeper, deeper_optimizers, step=2)
    with pytest.raises(CheckpointError):
        load_checkpoint(tmp_path / "step-2", model=model, optimizers=optimizers)


def test_a_head_that_is_missing_is_not_taken_for_a_tied_one(tmp_path: Path) -> None:
    """Weights of a model with a tied head do not fill the head of one whose head is its own."""
    tied = new_model(layers=1, width=32)
    save(tmp_path / "step-1", tied, [], step=1)
    config = type(tied.config)(**{**tied.config.to_dict(), "tie_word_embeddings": False})
    untied = type(tied)(config)
    with pytest.raises(CheckpointError, match="belongs to another model"):
        load_checkpoint(tmp_path / "step-1", model=untied, optimizers=[])


# --- keeping few


def test_old_checkpoints_are_deleted_and_protected_ones_never(tmp_path: Path) -> None:
    for step in (5, 10, 100, 20):
        (tmp_path / f"step-{step}" / "inside").mkdir(parents=True)
    (tmp_path / ".step-7.part").mkdir()
    (tmp_path / "step-x").mkdir()
    (tmp_path / "step-8").write_text("a file")
    assert [p.name for p in checkpoints(tmp_path)] == ["step-5", "step-10", "step-20", "step-100"]
    prune(tmp_path, 2, protect=[tmp_path / "step-5"])
    assert [p.name for p in checkpoints(tmp_path)] == ["step-5", "step-20", "step-100"]
    prune(tmp_path, 1)
    assert [p.name for p in checkpoints(tmp_path)] == ["step-100"]
    prune(tmp_path, 3)
    assert [p.name for p in checkpoints(tmp_path)] == ["step-100"]
    assert (tmp_path / "step-x").is_dir()


def test_state_is_readable(tmp_path: Path) -> None:
    model, optimizers = student()
    save(tmp_path / "step-1", model, optimizers, step=1)
    assert json.loads((tmp_path / "step-1" / "trainer.json").read_text()) == {"step": 1}
