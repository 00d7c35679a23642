"""A user's own game, as the README shows it: short, sound, played, measured and trained on."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import gymnasium
import pytest
from gymnasium.utils.env_checker import check_env

from wordle_rl.envs import make_env
from wordle_rl.errors import ConfigError
from wordle_rl.evaluation.suites import suite_for

FOLDER = Path(__file__).parents[1] / "examples"
GAME = "hot_cold:HotCold"
TINY = [
    "--steps=2",
    "--device=cpu",
    *(f"--set={s}" for s in ("rollout.tasks_per_step=2", "rollout.group_size=4")),
    *(f"--set={s}" for s in ("eval.every_steps=2", "eval.final_samples=0")),
]


@pytest.fixture(autouse=True)
def in_the_users_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))


def run(*args: str | Path, typed: str = "") -> str:
    """A command, given in the folder of the game."""
    command = [sys.executable, "-m", "wordle_rl", *map(str, args)]
    done = subprocess.run(
        command, cwd=FOLDER, capture_output=True, text=True, check=False, input=typed
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_is_short() -> None:
    assert len((FOLDER / "hot_cold.py").read_text(encoding="utf-8").splitlines()) <= 60


@pytest.mark.parametrize("mode", [None, "ansi", "human"])
def test_gymnasium_finds_nothing_to_warn_of(mode: str | None) -> None:
    name = f"own/HotCold-{mode}-v0"
    gymnasium.register(name, GAME)
    try:
        check_env(gymnasium.make(name, render_mode=mode).unwrapped)
    finally:
        del gymnasium.registry[name]


def test_it_is_played() -> None:
    env = make_env(GAME, style="compact", max_guesses=4)
    assert env.reset(options={"secret": "m"})[0] == "letter x4"
    said: list[Any] = [env.step(action) for action in ("a", "z", "[M]")]
    assert [s[0] for s in said] == ["warmer", "colder", "found"]
    assert [s[1:3] for s in said] == [(0.0, False), (0.0, False), (1.0, True)]


@pytest.mark.parametrize("options", [{"secret": "5"}, {"secret": "M"}, {"word": "m"}])
def test_what_is_no_letter_is_no_secret(options: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="give a letter as the secret, or nothing"):
        make_env(GAME).reset(options=options)


def test_a_person_plays_it() -> None:
    shown = run("play", "--env", GAME, typed="\n".join([*"abcdefgh", ""]))
    assert shown.startswith("Find my letter in 8 guesses.")
    assert "warmer" in shown or "colder" in shown or "found" in shown


def test_it_is_measured_on_games_drawn_by_seed() -> None:
    val, test = suite_for(GAME, {}, "val"), suite_for(GAME, {}, "test")
    assert val.suite_hash != test.suite_hash
    assert {t.seed for t in val.tasks}.isdisjoint(t.seed for t in test.tasks)


@pytest.mark.slow
def test_it_is_trained_on(tmp_path: Path) -> None:
    told = json.loads(run("train", "--env", GAME, *TINY, "--run-dir", tmp_path / "run", "--json"))
    assert told["finished"]
    assert told["after"]["suite"] == f"{GAME}(test)"
    assert told["after"]["greedy"]["n"] == 200
    rows = (tmp_path / "run" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(row)["step"] for row in rows] == [1, 2]
    measured = json.loads(
        run("evaluate", tmp_path / "run", "--suite", GAME, "--limit=10", "--samples=0", "--json")
    )
    assert measured["greedy"]["n"] == 10
