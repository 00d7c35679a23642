"""Names: ours, a user's own as package.module:name, and what is neither."""

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
import torch

from wordle_rl.errors import ConfigError
from wordle_rl.training import advantages, aggregation, corrections, kl, losses
from wordle_rl.training.registry import resolve

REGISTRIES: dict[str, tuple[Any, Any, Callable[[str], Any]]] = {
    "advantage": (advantages.ADVANTAGES, advantages.FORMULAS, advantages.resolve_advantage),
    "loss": (losses.LOSSES, losses.FORMULAS, losses.resolve_loss),
    "aggregation": (
        aggregation.AGGREGATIONS,
        aggregation.FORMULAS,
        aggregation.resolve_aggregation,
    ),
    "KL estimator": (kl.KLS, kl.FORMULAS, kl.resolve_kl),
    "correction": (corrections.CORRECTIONS, corrections.FORMULAS, corrections.resolve_correction),
}
every_registry = pytest.mark.parametrize("kind", REGISTRIES)


@pytest.fixture
def my_module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A user's module, importable as `my_parts`."""
    module = ModuleType("my_parts")
    monkeypatch.setitem(sys.modules, "my_parts", module)
    return module


@every_registry
def test_every_name_resolves_and_has_a_formula(kind: str) -> None:
    known, formulas, find = REGISTRIES[kind]
    assert known.keys() == formulas.keys()
    assert all(find(name) is function for name, function in known.items())
    assert len(set(known.values())) == len(known)


@every_registry
def test_an_unknown_name_is_answered_with_the_nearest(kind: str) -> None:
    known, _, find = REGISTRIES[kind]
    for name in known:
        with pytest.raises(ConfigError, match=rf"unknown {kind} '{name}x': did you mean"):
            find(name + "x")


@every_registry
def test_a_users_own_function_is_found_by_name(kind: str, my_module: ModuleType) -> None:
    find = REGISTRIES[kind][2]
    my_module.mine = torch.zeros_like  # type: ignore[attr-defined]
    assert find("my_parts:mine") is torch.zeros_like


def test_what_is_no_function_is_refused(my_module: ModuleType) -> None:
    my_module.number = 3  # type: ignore[attr-defined]
    with pytest.raises(ConfigError, match="loss 'my_parts:number' is not a function: it is a int"):
        resolve("loss", "my_parts:number", {})
    with pytest.raises(ConfigError, match="cannot import loss 'no_such_module:mine'"):
        resolve("loss", "no_such_module:mine", {})
    with pytest.raises(
        ConfigError, match="unknown loss in my_parts 'nmber': did you mean 'number'"
    ):
        resolve("loss", "my_parts:nmber", {})
