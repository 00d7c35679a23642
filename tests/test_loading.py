"""A name on the command line -> the agent it stands for."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from wordle_rl.agents.baselines import BASELINES
from wordle_rl.agents.built_in import BUILT_IN
from wordle_rl.agents.loading import load_agent, load_language_agent
from wordle_rl.errors import ConfigError, RunError, WordleRLError


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[dict[str, Any]]:
    """What the model loader is asked for, in an empty folder; no model is loaded."""
    calls: list[dict[str, Any]] = []

    class LanguageAgent:
        @staticmethod
        def load(name_or_path: str, **settings: Any) -> str:
            calls.append({"path": name_or_path, **settings})
            return "the agent"

    module = ModuleType("wordle_rl.agents.language")
    module.LanguageAgent = LanguageAgent  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "wordle_rl.agents.language", module)
    monkeypatch.chdir(tmp_path)
    return calls


@pytest.mark.parametrize("name", [*BASELINES, "greedy-patterns:salet"])
def test_a_baseline_needs_no_model(loaded: list[dict[str, Any]], name: str) -> None:
    assert load_agent(name).name == name
    assert loaded == []


@pytest.mark.parametrize("name", [*BUILT_IN, "Qwen/Qwen3-0.6B"])
def test_names_that_the_model_loader_knows(loaded: list[dict[str, Any]], name: str) -> None:
    load_agent(name, device="cpu", dtype="float32")
    unset = {"max_new_tokens": None, "chat": None, "bits": None}
    assert loaded == [{"path": name, "device": "cpu", "dtype": "float32", **unset}]


def test_a_model_for_training(loaded: list[dict[str, Any]]) -> None:
    load_language_agent("nano", max_new_tokens=7)
    assert loaded[0]["max_new_tokens"] == 7


@pytest.mark.parametrize("name", BASELINES)
def test_a_baseline_cannot_be_trained(loaded: list[dict[str, Any]], name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name!r} is no model to train"):
        load_language_agent(name)


def test_a_model_folder(loaded: list[dict[str, Any]]) -> None:
    Path("models/mine").mkdir(parents=True)
    load_agent("models/mine")
    assert loaded[0]["path"] == "models/mine"


def test_a_run_folder_is_its_best_checkpoint(loaded: list[dict[str, Any]]) -> None:
    for step in (10, 20):
        Path(f"runs/first/checkpoints/step-{step}").mkdir(parents=True)
    Path("runs/first/config.toml").write_text("")
    Path("runs/first/best.json").write_text('{"step": 10, "score": 0.5}')
    load_agent("runs/first")
    assert loaded[0]["path"] == str(Path("runs/first/checkpoints/step-10"))


def test_a_run_without_a_checkpoint(loaded: list[dict[str, Any]]) -> None:
    Path("runs/first").mkdir(parents=True)
    Path("runs/first/config.toml").write_text("")
    with pytest.raises(RunError, match="no finished checkpoint"):
        load_agent("runs/first")


def test_a_run_is_looked_for_here_even_before_the_first_one(loaded: list[dict[str, Any]]) -> None:
    assert not Path("runs").exists()
    with pytest.raises(RunError, match="no folder 'runs/first'"):
        load_agent("runs/first")
    assert loaded == []


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("champions", ConfigError, "did you mean 'champion'"),
        ("gready-patterns", ConfigError, "did you mean 'greedy-patterns'"),
        ("", ConfigError, "unknown agent ''"),
        ("runs/frist", RunError, "no folder 'runs/frist'"),
        ("./nowhere", RunError, "no folder './nowhere'"),
        ("/nowhere/at/all", RunError, "no folder '/nowhere/at/all'"),
        ("a/b/c", RunError, "no folder 'a/b/c'"),
    ],
)
def test_names_that_stand_for_nothing(
    loaded: list[dict[str, Any]], name: str, kind: type[WordleRLError], message: str
) -> None:
    Path("runs/first").mkdir(parents=True)
    with pytest.raises(kind, match=message):
        load_agent(name)
    assert loaded == []
