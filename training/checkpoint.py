"""Checkpoints: a model folder plus everything needed to go on as if nothing had happened.

`step-N/` is an ordinary `save_pretrained` folder (adapters folded in) with `trainer.pt`
(optimisers, and the adapter where there is one), a file for each module trained beside the model (a
critic, a reward model's head) and `trainer.json` (the step) beside it. It is written under a
temporary name and renamed, so a checkpoint exists whole or not at all. No random state is stored:
randomness is a function of (seed, step, row).
"""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from peft import PeftModel
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn
from torch.distributed.tensor import DTensor
from torch.optim import Optimizer
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from wordle_rl.agents.language import no_progress_bars
from wordle_rl.agents.lora import merged
from wordle_rl.errors import CheckpointError
from wordle_rl.training.sharding import gathered, part_of, shard_moments, whole

DAMAGE = (
    OSError,
    ValueError,
    TypeError,
    KeyError,
    RuntimeError,
    EOFError,
    SafetensorError,
    pickle.UnpicklingError,
)
"""What reading a missing, half-written or damaged checkpoint raises."""
NOTHING: Mapping[str, nn.Module] = MappingProxyType({})
"""No module beside the model."""


def save_checkpoint(
    folder: Path,
    *,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    optimizers: Sequence[Optimizer],
    state: Mapping[str, Any],
    modules: Mapping[str, nn.Module] = NOTHING,
    writes: bool = True,
) -> None:
    """Write `folder` whole or not at all; an existing one is replaced.

    `modules` are trained beside the model; each has a file of its name. Of several processes all
    call this, since a sharded model has to be gathered, and one `writes`.
    """
    model = gathered(model)
    # Whole moments are twice the model: the device never holds more than one of them.
    host = "cpu" if writes else "meta"
    moments = [whole(optimizer.state_dict(), to=host) for optimizer in optimizers]
    if not writes:
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = folder.with_name(f".{folder.name}.part")
    for leftover in folder.parent.glob(".step-*"):  # of a run that was killed
        shutil.rmtree(leftover, ignore_errors=True)
    with no_progress_bars():
        merged(model).save_pretrained(part)
    tokenizer.save_pretrained(part)
    saved = {"optimizers": moments, "adapter": _adapter(model)}
    torch.save(saved, part / "trainer.pt")
    for name, module in modules.items():
        save_file(module.state_dict(), part / f"{name}.safetensors")
    (part / "trainer.json").write_text(json.dumps(dict(state), indent=1) + "\n")
    _discard(folder)
    part.rename(folder)


def load_checkpoint(
    folder: Path,
    *,
    model: PreTrainedModel,
    optimizers: Sequence[Optimizer],
    modules: Mapping[str, nn.Module] = NOTHING,
) -> dict[str, Any]:
    """Put weights and optimiser state back in place and return the saved state.

    Raises:
        CheckpointError: if a file is missing or damaged; the model is then not to be used.
    """
    try:
        state: dict[str, Any] = json.loads((folder / "trainer.json").read_text())
        if not isinstance(state, dict):
            raise TypeError(f"trainer.json holds {state!r}")
        # Moments go to where their weights are; they may come from a device that is not here.
        saved = torch.load(folder / "trainer.pt", map_location="cpu", weights_only=True)
        weights = saved["adapter"] or load_file(folder / "model.safetensors")
        held = model.state_dict()
        parts = {name: part_of(value, held.get(name, value)) for name, value in weights.items()}
        missing, unexpected = model.load_state_dict(parts, strict=False)
        for optimizer, values in zip(optimizers, saved["optimizers"], strict=True):
            optimizer.load_state_dict(values)
            shard_moments(optimizer)
        for name, module in modules.items():
            module.load_state_dict(load_file(folder / f"{name}.safetensors"))
    except DAMAGE as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise CheckpointError(
            f"cannot read checkpoint {str(folder)!r} ({reason}): delete it to resume from an "
            "earlier one"
        ) from error
    if unexpected or not (saved["adapter"] or _are_tied(model, missing)):
        raise CheckpointError(f"checkpoint {str(folder)!r} belongs to another model")
    model.tie_weights()
    return state


def _are_tied(model: PreTrainedModel, missing: Sequence[str]) -> bool:
    """Whether every missing weight is one of the others under a second name (a tied head)."""
    held = model.state_dict()
    found = {_place(held[name]) for name in held.keys() - set(missing)}
    return all(_place(held[name]) in found for name in missing)


def _place(tensor: torch.Tensor) -> int:
    return (tensor.to_local() if isinstance(tensor, DTensor) else tensor).data_ptr()


def _discard(folder: Path) -> None:
    """Delete a checkpoint. It loses its name first: half deleted it must not be taken for whole."""
    if folder.is_dir():
        shutil.rmtree(folder.rename(folder.with_name(f".{folder.name}.old")), ignore_errors=True)


def _adapter(model: PreTrainedModel) -> dict[str, torch.Tensor]:
    """The trained weights of a model with adapters; empty for a plain one."""
    if not isinstance(model, PeftModel):
        return {}
    return {name: value for name, value in model.named_parameters() if value.requires_grad}


def checkpoints(folder: Path) -> list[Path]:
    """Finished checkpoints under `folder`, oldest first."""
    found = [p for p in folder.glob("step-*") if p.is_dir() and p.name[5:].isdigit()]
    return sorted(found, key=lambda p: int(p.name[5:]))


def prune(folder: Path, keep: int, protect: Sequence[Path] = ()) -> None:
    """Delete all but the newest `keep` checkpoints; `protect` is never deleted."""
    for old in checkpoints(folder)[:-keep]:
        if old not in protect:
            _discard(old)
