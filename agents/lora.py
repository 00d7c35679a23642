"""Low-rank adapters (LoRA, Hu et al. 2021, arXiv 2106.09685) on all linear layers, through PEFT."""

from __future__ import annotations

import copy
import importlib.util
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from peft.tuners.lora import LoraLayer
from torch import Tensor, nn
from transformers import BitsAndBytesConfig, PreTrainedModel

from wordle_rl.errors import ConfigError


def add_lora(model: PreTrainedModel, *, rank: int, alpha: int, seed: int = 0) -> PreTrainedModel:
    """Freeze the model and put an adapter on every linear layer but the head.

    It plays as before: one of the adapter's two matrices is random, the other zero. There is no
    dropout in the adapter: sampler and trainer would differ.

    Args:
        model: changed in place; what is returned wraps it.
        rank: of the adapters.
        alpha: their scale is alpha / rank.
        seed: of the random matrices; the global random state is left as it was.
    """
    config = LoraConfig(
        r=rank,
        lora_alpha=alpha,
        lora_dropout=0.0,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        # peft 0.21 reads a name that transformers 5.23 deprecates
        message = "`is_gradient_checkpointing` is deprecated"
        warnings.filterwarnings("ignore", message, FutureWarning)
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would seed every GPU as well
        return cast(PreTrainedModel, get_peft_model(model, config).eval())


def hold_frozen_weights_in(model: PreTrainedModel, dtype: torch.dtype) -> None:
    """Convert the weights in place, before adapters are added.

    What is not trained needs no more precision than it is multiplied in. Buffers (frequencies of
    positions) stay as they are.
    """
    for parameter in model.parameters():
        parameter.data = parameter.data.to(dtype)


def four_bits(dtype: torch.dtype) -> BitsAndBytesConfig:
    """Weights in four bits (NF4 with double quantisation, Dettmers et al. 2023, arXiv 2305.14314).

    Args:
        dtype: what matrix products run in.

    Raises:
        ConfigError: bitsandbytes is not installed.
    """
    if importlib.util.find_spec("bitsandbytes") is None:
        raise ConfigError("lora.bits=4 needs bitsandbytes: pip install 'wordle-rl[qlora]'")
    return BitsAndBytesConfig(  # type: ignore[no-untyped-call]
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
    )


def merged(model: PreTrainedModel) -> PreTrainedModel:
    """A plain model that plays the same: the adapter folded into a float32 copy on the host.

    What an adapter adds is small beside the frozen weights: added in bfloat16, and more so in four
    bits, most of a young one would be rounded away.
    """
    if not isinstance(model, PeftModel):
        return model
    folded = copy.deepcopy(model)
    if getattr(folded.get_base_model(), "is_loaded_in_4bit", False):
        return _widened(folded)
    torch.nn.Module.to(folded, "cpu", torch.float32)
    return cast(PreTrainedModel, folded.merge_and_unload())


def save_adapter(model: PeftModel, folder: Path) -> None:
    """Write the adapter in PEFT's form; the frozen weights are not in it."""
    # Left to choose, peft asks the hub about the vocabulary.
    model.save_pretrained(str(folder), save_embedding_layers=False)


def plain_weights(model: PreTrainedModel) -> Iterator[tuple[str, Tensor]]:
    """The weights by the names of the plain model, one after the other; adapters are left out."""
    if not isinstance(model, PeftModel):
        yield from model.state_dict().items()
        return
    base = cast(PreTrainedModel, model.get_base_model())
    for name, weight in base.state_dict().items():
        if ".lora_" not in name:
            yield name.replace(".base_layer.", "."), weight


def _widened(model: PeftModel) -> PreTrainedModel:
    """The base model with every adapted layer as an ordinary one, the adapter in its weights.

    A layer's weights are read off its answers to the unit vectors: how they are packed is its own
    affair (and another one on a CPU).
    """
    base: Any = model.get_base_model()
    adapted: dict[str, Any] = {
        name: module for name, module in base.named_modules() if isinstance(module, LoraLayer)
    }
    for name, layer in adapted.items():
        held = layer.get_base_layer()
        has_bias = held.bias is not None
        plain = nn.Linear(held.in_features, held.out_features, bias=has_bias)
        units = torch.eye(held.in_features, device=held.weight.device)
        with torch.no_grad():
            answers = held(units).float() - (held.bias.float() if has_bias else 0.0)
        plain.weight.data = answers.T + layer.get_delta_weight("default").float()
        if has_bias:
            plain.bias.data = held.bias.data.float()
        parent, _, attribute = name.rpartition(".")
        setattr(base.get_submodule(parent), attribute, plain)
    del base.config.quantization_config
    base.hf_quantizer, base.is_quantized, base.is_loaded_in_4bit = None, False, False
    return cast(PreTrainedModel, base.float())
