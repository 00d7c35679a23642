"""Where and in what precision a model computes."""

from __future__ import annotations

import pytest
import torch

from wordle_rl.agents import device as module
from wordle_rl.agents.device import autocast, pick_device, pick_dtype
from wordle_rl.errors import ConfigError

CPU = torch.device("cpu")


def pretend(monkeypatch: pytest.MonkeyPatch, *, cuda: bool, mps: bool) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"),
    [(True, True, "cuda"), (True, False, "cuda"), (False, True, "mps"), (False, False, "cpu")],
)
def test_auto_takes_the_best_there_is(
    monkeypatch: pytest.MonkeyPatch, cuda: bool, mps: bool, expected: str
) -> None:
    pretend(monkeypatch, cuda=cuda, mps=mps)
    assert pick_device("auto").type == expected


@pytest.mark.parametrize("name", ["cuda:99", "hpu", "privateuseone", "meta", "gpu", "", "cpu cpu"])
def test_a_device_that_cannot_hold_a_number_is_one_line(name: str) -> None:
    """Some names raise ImportError inside of torch; `meta` has no memory at all."""
    with pytest.raises(ConfigError, match="is not available here: use auto") as caught:
        pick_device(name)
    assert repr(name) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_cpu_is_always_there() -> None:
    assert pick_device("cpu") == CPU


@pytest.mark.parametrize("native", [True, False])
def test_auto_is_bfloat16_where_it_is_native(monkeypatch: pytest.MonkeyPatch, native: bool) -> None:
    monkeypatch.setattr(module, "_native_bfloat16", lambda device: native)
    assert pick_dtype("auto", CPU) is (torch.bfloat16 if native else torch.float32)
    assert pick_dtype("float32", CPU) is torch.float32
    assert pick_dtype("bfloat16", CPU) is torch.bfloat16


def test_an_unknown_dtype_is_one_line() -> None:
    with pytest.raises(ConfigError, match="unknown dtype 'float16'"):
        pick_dtype("float16", CPU)


def test_autocast_runs_matrix_products_in_the_type() -> None:
    a = torch.ones(2, 2)
    with autocast(CPU, torch.bfloat16):
        assert (a @ a).dtype is torch.bfloat16
    with autocast(CPU, torch.float32):
        assert (a @ a).dtype is torch.float32
    assert not torch.is_autocast_enabled("cpu")
