"""The examples in the docstrings of every module are true."""

import doctest
import importlib
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES: dict[str, str] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))[
    "tool"
]["setuptools"]["package-dir"]
MODULES = sorted(
    f"{package}.{file.stem}"
    for package, folder in PACKAGES.items()
    for file in (ROOT / folder).glob("*.py")
    if file.stem not in {"__init__", "__main__"}
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_are_true(name: str) -> None:
    failed, _ = doctest.testmod(importlib.import_module(name))
    assert failed == 0, "the captured output shows the examples"


def test_there_are_examples() -> None:
    finder = doctest.DocTestFinder(exclude_empty=True)
    found = finder.find(importlib.import_module("wordle_rl.envs.feedback"))
    assert any(test.examples for test in found)
