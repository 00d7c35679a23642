"""Our losses, GAE and solver against liger-kernel, torchrl and sb3-contrib, value and gradient.

The libraries' numbers are on file (`parity_oracles`); where a library is installed, it is asked
again.
"""

import json
import warnings
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.parity_oracles import FILE, LIGER, ORACLES, hessian, inputs, result
from wordle_rl.config import TrainSection
from wordle_rl.records import Batch
from wordle_rl.training import losses
from wordle_rl.training.aggregation import AGGREGATIONS, BatchSize
from wordle_rl.training.algorithms import Parts
from wordle_rl.training.conjugate_gradient import conjugate_gradient
from wordle_rl.training.corrections import none
from wordle_rl.training.credit import return_to_go
from wordle_rl.training.gae import gae
from wordle_rl.training.kl import KLS
from wordle_rl.training.losses import LOSSES, Clip, PolicyLoss
from wordle_rl.training.preference_losses import dpo, implicit_margin
from wordle_rl.training.update import policy_loss

TOLERANCE = 1e-9


@cache
def golden() -> dict[str, Any]:
    return json.loads(FILE.read_text(encoding="utf-8"))


def tensors() -> dict[str, Tensor]:
    """The inputs on file."""
    return {
        name: torch.tensor(values, dtype=torch.bool if name == "mask" else torch.float64)
        for name, values in golden()["inputs"].items()
    }


def assert_same(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert found.keys() == wanted.keys()
    for name in wanted:
        a, b = (torch.tensor(x[name], dtype=torch.float64) for x in (found, wanted))
        assert a.shape == b.shape
        assert (a - b).abs().max() < TOLERANCE, name


def test_the_inputs_on_file_can_be_made_again() -> None:
    made = inputs()
    assert made.keys() == tensors().keys()
    assert all(torch.equal(made[name], on_file) for name, on_file in tensors().items())


# --- GRPO and its relatives

KINDS: dict[str, tuple[str, str, Clip]] = {
    "grpo": ("clipped", "sequence_mean", Clip()),
    "bnpo": ("clipped", "token_mean", Clip()),
    "dr_grpo": ("clipped", "constant", Clip()),
    "dapo": ("clipped", "token_mean", Clip(high=0.28)),
    "cispo": ("capped_importance", "token_mean", Clip(high=4.0)),
    "sapo": ("soft_gated", "sequence_mean", Clip()),
    "vespo": ("variational", "token_mean", Clip()),
    "luspo": ("sequence_clipped", "sequence_sum", Clip()),
    "gspo": ("sequence_clipped", "sequence_mean", Clip()),
    "gspo bnpo": ("sequence_clipped", "token_mean", Clip()),
    "gspo dapo": ("sequence_clipped", "token_mean", Clip()),
    "gspo dr_grpo": ("sequence_clipped", "constant", Clip()),
    "grpo delta": ("two_sided", "sequence_mean", Clip()),
    "grpo weighted": ("clipped", "sequence_mean", Clip()),
}
"""liger's cases in our words: loss, aggregation, trust region."""


def ours(name: str) -> dict[str, Any]:
    """The loss of a case by `policy_loss`, the function that training uses."""
    data, (kind, _, divergence) = tensors(), name.partition(" + ")
    loss, aggregation, clip = KINDS[kind]
    chosen: PolicyLoss = LOSSES[loss]
    if kind == "grpo delta":
        chosen = lambda given, clip: losses.two_sided(given, clip, delta=1.5)  # noqa: E731
    weights = data["weights"]
    parts = Parts(
        advantage=lambda given: [],
        loss=chosen,
        aggregation=AGGREGATIONS[aggregation],
        kl=KLS["k3_corrected" if divergence == "r k3" else "k3"],
        correction=(lambda given: weights) if kind == "grpo weighted" else none,
    )
    mask = data["mask"]
    batch = Batch(
        input_ids=torch.zeros_like(mask, dtype=torch.long),
        attention_mask=torch.ones_like(mask),
        loss_mask=mask,
        sampler_logprobs=data["old"],
        old_logprobs=data["old"],
        advantages=data["advantages"][:, None].expand_as(data["old"]),
        ref_logprobs=data["reference"],
    )
    settings = TrainSection(
        kl_coef=0.04 if divergence else 0.0, clip_low=clip.low, clip_high=clip.high
    )
    size = BatchSize(games=6, rows=6, tokens=int(mask.sum()), tokens_per_game=10.0)
    policy = data["policy"].clone().requires_grad_(True)
    return result(policy_loss(batch, policy, parts, settings, size).loss, policy=policy)


@pytest.mark.parametrize("name", sorted(LIGER))
def test_policy_losses_agree_with_liger(name: str) -> None:
    wanted = golden()["cases"][f"liger {name}"]
    assert_same(ours(name), wanted)
    assert max(abs(g) for row in wanted["policy"] for g in row) > 1e-3


def test_the_cases_reach_every_branch() -> None:
    """Ratios beyond every bound on either side, for advantages of either sign."""
    data = tensors()
    ratio = (data["policy"] - data["old"]).exp()
    for sign in (1, -1):
        found = ratio[data["mask"] & (sign * data["advantages"][:, None] > 0)]
        assert found.min() < 0.8
        assert found.max() > 1.5
    assert ratio[data["mask"]].max() > 5
    assert {kind for kind, *_ in KINDS.values()} == {
        "clipped",
        "capped_importance",
        "soft_gated",
        "variational",
        "sequence_clipped",
        "two_sided",
    }


# --- preferences, GAE, the solver


@pytest.mark.parametrize("beta", [0.1, 1.0])
def test_dpo_agrees_with_liger(beta: float) -> None:
    pairs = tensors()["pairs"]
    chosen, rejected = (pairs[i].clone().requires_grad_(True) for i in (0, 1))
    loss = dpo(implicit_margin(chosen, rejected, pairs[2], pairs[3]), beta=beta).mean()
    wanted = golden()["cases"][f"liger dpo {beta:g}"]
    assert_same(result(loss, chosen=chosen, rejected=rejected), wanted)


@pytest.mark.parametrize("name", ["ended", "cut off"])
@pytest.mark.parametrize(("gamma", "lam"), [(0.95, 0.8), (1.0, 1.0), (0.9, 0.0)])
def test_gae_agrees_with_torchrl(name: str, gamma: float, lam: float) -> None:
    data = tensors()
    found = gae(
        data["rewards"],
        data["values"],
        torch.ones(3, 6, dtype=torch.bool),
        gamma=gamma,
        lam=lam,
        final_values=data["final_values"] if name == "cut off" else None,
    )
    assert_same(result(found), golden()["cases"][f"torchrl gae {name} {gamma:g} {lam:g}"])


def test_returns_to_go_agree_with_torchrl() -> None:
    found = torch.tensor([return_to_go(row, 0.9) for row in tensors()["rewards"].tolist()])
    wanted = golden()["cases"]["torchrl reward2go 0.9"]
    assert torch.allclose(found, torch.tensor(wanted["value"]), atol=1e-6)
    exact = [return_to_go(row, 0.9) for row in tensors()["rewards"].tolist()]
    assert_same({"value": exact}, wanted)


def test_conjugate_gradients_agree_with_sb3() -> None:
    data = tensors()
    h = hessian(data)
    x = conjugate_gradient(lambda v: h @ v, data["right_side"], max_steps=40, tolerance=1e-26)
    assert_same(result(x), golden()["cases"]["sb3 conjugate gradient"])


# --- the libraries themselves


@pytest.mark.parametrize("module", sorted(ORACLES))
def test_the_libraries_still_say_what_is_on_file(module: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what they warn of when they are imported is theirs
        pytest.importorskip(module, exc_type=ImportError)
        found = ORACLES[module](tensors())
    assert found
    for name, values in found.items():
        assert_same(values, golden()["cases"][name])


def test_every_case_on_file_is_compared() -> None:
    compared = {f"liger {name}" for name in LIGER} | {"liger dpo 0.1", "liger dpo 1"}
    rest = golden()["cases"].keys() - compared
    assert {name.split()[0] for name in rest} == {"torchrl", "sb3"}
    assert len(rest) == 8
