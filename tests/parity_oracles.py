"""What independent libraries compute, written down in goldens/parity.json.

    python -m tests.parity_oracles        # with liger-kernel, torchrl and sb3-contrib importable

The libraries are no dependency of ours: the numbers on file are compared with our functions in
every run of the tests, and with the libraries themselves where they are installed. Install them
without their dependencies, which ask for CUDA packages:

    pip install --no-deps liger-kernel torchrl 'tensordict<0.15' pyvers hoptorch sb3-contrib \
        stable-baselines3
"""

import json
import warnings
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

FILE = Path(__file__).parent / "goldens" / "parity.json"
Result = dict[str, Any]
"""`value` and the gradients that belong to it, by the name of the input."""
Oracle = Callable[[Mapping[str, Tensor]], dict[str, Result]]
"""inputs -> results, by the name of the case."""

LIGER: dict[str, dict[str, Any]] = {
    f"{name}{suffix}": {**options, **kl}
    for name, options in {
        "grpo": {"loss_type": "grpo"},
        "bnpo": {"loss_type": "bnpo"},
        "dr_grpo": {"loss_type": "dr_grpo", "max_completion_length": 10},
        "dapo": {"loss_type": "dapo", "epsilon_high": 0.28},
        "cispo": {"loss_type": "cispo", "epsilon_high": 5.0},
        "sapo": {"loss_type": "sapo"},
        "vespo": {"loss_type": "vespo"},
        "grpo delta": {"loss_type": "grpo", "delta": 1.5},
        "grpo weighted": {"loss_type": "grpo", "vllm_is_ratio": "weights"},
        "gspo": {"loss_type": "grpo", "importance_sampling_level": "sequence"},
        "gspo bnpo": {"loss_type": "bnpo", "importance_sampling_level": "sequence"},
        "gspo dapo": {"loss_type": "dapo", "importance_sampling_level": "sequence"},
        "gspo dr_grpo": {
            "loss_type": "dr_grpo",
            "importance_sampling_level": "sequence",
            "max_completion_length": 10,
        },
    }.items()
    for suffix, kl in {
        "": {"beta": 0.0},
        " + k3": {"beta": 0.04},
        " + r k3": {"beta": 0.04, "use_bias_correction_kl": True},
    }.items()
    # with a ratio of the sequence, liger corrects the divergence by that ratio too; we do not
    if not (suffix == " + r k3" and name.startswith("gspo"))
} | {
    # with a KL term, liger's luspo averages over padding
    "luspo": {"loss_type": "luspo", "importance_sampling_level": "sequence", "beta": 0.0},
}
"""Arguments of liger's GRPO loss; epsilon is 0.2 unless it says otherwise."""


def inputs() -> dict[str, Tensor]:
    """Rows of 1 to 7 trained tokens, ratios from 0.14 to 6.4, advantages of either sign."""
    random = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=random, dtype=torch.float64)

    mask = torch.rand(6, 7, generator=random) < 0.7
    mask[0], mask[1] = True, False
    mask[1, 3] = True
    old = -3 * draw(6, 7).abs() - 0.05
    return {
        "mask": mask,
        "old": old,
        "policy": (old + 1.3 * draw(6, 7)).clamp(max=-0.001),
        "reference": (old + 0.5 * draw(6, 7)).clamp(max=-0.001),
        "sampler": (old + 0.5 * draw(6, 7)).clamp(max=-0.001),
        "advantages": draw(6),
        "weights": (0.5 * draw(6, 7)).exp().clamp(max=2.0),
        "pairs": 5 * draw(4, 8),
        "rewards": draw(3, 6),
        "values": draw(3, 6),
        "final_values": draw(3),
        "matrix": draw(8, 8),
        "right_side": draw(8),
    }


def liger_grpo(data: Mapping[str, Tensor]) -> dict[str, Result]:
    """`liger_kernel.chunked_loss`: the loss of each case and its gradient."""
    function = import_module("liger_kernel.chunked_loss.grpo_loss").LigerFusedLinearGRPOFunction
    results = {}
    for name, options in LIGER.items():
        policy = data["policy"].clone().requires_grad_(True)
        given = {k: data[v] if v == "weights" else v for k, v in options.items()}
        loss, _ = function.ppo_loss_fn(
            policy,
            data["mask"].double(),
            data["advantages"],
            data["mask"].double(),
            ref_per_token_logps=data["reference"],
            old_per_token_logps=data["old"],
            **given,
        )
        results[f"liger {name}"] = result(loss, policy=policy)
    return results


def liger_dpo(data: Mapping[str, Tensor]) -> dict[str, Result]:
    """DPO on eight pairs at two strengths."""
    function = import_module("liger_kernel.chunked_loss.dpo_loss").LigerFusedLinearDPOFunction
    results = {}
    for beta in (0.1, 1.0):
        chosen, rejected = (data["pairs"][i].clone().requires_grad_(True) for i in (0, 1))
        loss, *_ = function.preference_loss_fn(
            chosen,
            rejected,
            torch.zeros(16, 1),
            ref_chosen_logps=data["pairs"][2],
            ref_rejected_logps=data["pairs"][3],
            beta=beta,
        )
        results[f"liger dpo {beta:g}"] = result(loss, chosen=chosen, rejected=rejected)
    return results


def torchrl_gae(data: Mapping[str, Tensor]) -> dict[str, Result]:
    """GAE of games that ended and of games that were cut off; returns to go.

    torchrl multiplies gamma into a mask of the default type, which has to be float64.
    """
    functional = import_module("torchrl.objectives.value.functional")
    values, rewards = data["values"][..., None], data["rewards"][..., None]
    last = torch.zeros_like(rewards, dtype=torch.bool)
    last[:, -1] = True
    after = torch.cat([values[:, 1:], data["final_values"][:, None, None]], 1)
    results = {}
    for name, terminated in {"ended": last, "cut off": torch.zeros_like(last)}.items():
        for gamma, lam in ((0.95, 0.8), (1.0, 1.0), (0.9, 0.0)):
            advantages, _ = functional.generalized_advantage_estimate(
                gamma, lam, values, after, rewards, last, terminated
            )
            results[f"torchrl gae {name} {gamma:g} {lam:g}"] = result(advantages[..., 0])
    to_go = functional.reward2go(rewards, last, gamma=0.9)
    return results | {"torchrl reward2go 0.9": result(to_go[..., 0])}


def in_float64(oracle: Oracle) -> Oracle:
    """With float64 as torch's default type."""

    def asked(data: Mapping[str, Tensor]) -> dict[str, Result]:
        before = torch.get_default_dtype()
        torch.set_default_dtype(torch.float64)
        try:
            return oracle(data)
        finally:
            torch.set_default_dtype(before)

    return asked


def sb3_conjugate_gradient(data: Mapping[str, Tensor]) -> dict[str, Result]:
    """The solution of H x = b, H = M M^T + I."""
    solve = import_module("sb3_contrib.common.utils").conjugate_gradient_solver
    h = hessian(data)
    x = solve(lambda v: h @ v, data["right_side"], max_iter=40, residual_tol=1e-26)
    return {"sb3 conjugate gradient": result(x)}


ORACLES: dict[str, Oracle] = {
    "liger_kernel.chunked_loss.grpo_loss": liger_grpo,
    "liger_kernel.chunked_loss.dpo_loss": liger_dpo,
    "torchrl.objectives.value.functional": in_float64(torchrl_gae),
    "sb3_contrib.common.utils": sb3_conjugate_gradient,
}
"""By the module that has to be importable."""


def hessian(data: Mapping[str, Tensor]) -> Tensor:
    """A symmetric positive definite matrix."""
    return data["matrix"] @ data["matrix"].T + torch.eye(8, dtype=torch.float64)


def result(value: Tensor, **leaves: Tensor) -> Result:
    """A value and its gradient by each leaf, as lists."""
    found = torch.autograd.grad(value, tuple(leaves.values())) if leaves else ()
    gradients = {name: g.tolist() for name, g in zip(leaves, found, strict=True)}
    return {"value": value.detach().tolist(), **gradients}


def main() -> None:
    """Ask the libraries and write the file."""
    torch.manual_seed(0)
    warnings.simplefilter("ignore")
    data = inputs()
    cases: dict[str, Result] = {}
    for oracle in ORACLES.values():
        cases |= oracle(data)
    names = ("torch", "liger-kernel", "torchrl", "sb3-contrib")
    written = {
        "versions": {name: version(name) for name in names},
        "inputs": {name: tensor.tolist() for name, tensor in data.items()},
        "cases": cases,
    }
    lines = json.dumps(written, indent=1)
    FILE.write_text(lines + "\n", encoding="utf-8")
    print(f"{len(cases)} cases in {FILE}")


if __name__ == "__main__":
    main()
