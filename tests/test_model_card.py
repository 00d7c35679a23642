"""The card of an exported model: every number is one that the run measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.recorded_run import train_run
from tests.ten_words import taught_agent
from wordle_rl.cli import cli
from wordle_rl.config import PretrainConfig, to_toml
from wordle_rl.errors import RunError
from wordle_rl.evaluation.model_card import NOT_MEASURED, model_card, play_command
from wordle_rl.run_dir import RunDir


def test_the_card_of_a_run_has_its_numbers(tmp_path: Path) -> None:
    card = model_card(str(train_run(tmp_path / "run")), "mine")
    head, _, body = card.removeprefix("---\n").partition("\n---\n")
    assert 'base_model: "nano"' in head.splitlines()
    assert "library_name: transformers" in head.splitlines()
    assert body.lstrip().startswith("# mine\n")
    assert "| algorithm | dr_grpo |" in body
    assert "| command | wordle-rl train |" in body
    assert "### wordle-heldout" in body
    lines = [line for line in body.splitlines() if line.startswith(("| before", "| after"))]
    assert len(lines) == 2
    assert lines[0].startswith("| before | greedy | 1 | 0.0 % [0.0, 79.3] |")
    assert lines[1].startswith("| after | greedy | 1 | 100.0 % [20.7, 100.0] |")
    assert "Gain in wins, greedy: +100.0 %" in body
    assert NOT_MEASURED not in body


def test_a_run_that_measured_nothing_says_so(tmp_path: Path) -> None:
    card = model_card(str(train_run(tmp_path / "run", compared=False)), "mine")
    assert NOT_MEASURED in card
    assert "| before" not in card


def test_a_run_of_imitation(tmp_path: Path) -> None:
    run = RunDir(tmp_path / "run")
    run.create(to_toml(PretrainConfig(model="org/some", style="chat", lora_rank=4)), {})
    card = model_card(str(run.path), "mine")
    assert 'base_model: "org/some"' in card
    assert "| algorithm | imitation |" in card
    assert "| adapter rank | 4 |" in card
    fresh = RunDir(tmp_path / "fresh")
    fresh.create(to_toml(PretrainConfig()), {})
    assert "base_model" not in model_card(str(fresh.path), "mine")


def test_what_would_break_a_table_does_not(tmp_path: Path) -> None:
    path = train_run(tmp_path / "run")
    meta = path / "meta.json"
    meta.write_text(json.dumps({"command": ["a", "|b|\n c"]}))
    assert "| command | a \\|b\\| c |" in model_card(str(path), "mine")
    meta.write_text("{")
    with pytest.raises(RunError, match=r"meta\.json' is damaged"):
        model_card(str(path), "mine")


def test_an_exported_model_has_its_card(tmp_path: Path) -> None:
    taught_agent().save(tmp_path / "model")
    out = tmp_path / "out"
    done = CliRunner().invoke(cli, ["export", str(tmp_path / "model"), str(out)])
    assert done.exit_code == 0
    card = (out / "README.md").read_text(encoding="utf-8")
    assert f"# {out.name}\n" in card
    assert NOT_MEASURED in card


@pytest.mark.parametrize(
    ("env", "options", "command"),
    [
        ("wordle", {}, "wordle-rl play --agent 'my run' --versus"),
        ("wordle=4,math", {}, "wordle-rl play --agent 'my run' --versus"),
        ("math", {"difficulty": [1, 2]}, "wordle-rl play --env math --agent 'my run'"),
        (
            "guess-number",
            {"hi": 1000, "track_candidates": True},
            "wordle-rl play --env guess-number --option hi=1000 --agent 'my run'",
        ),
        (
            "textarena:TicTacToe-v0",
            {"opponent": "perfect"},
            "wordle-rl play --env textarena:TicTacToe-v0 --opponent 'agent:my run'",
        ),
        ("my.game:Mine", {}, "wordle-rl play --env my.game:Mine --agent 'my run'"),
        ("gone", {}, "wordle-rl play --env gone --agent 'my run'"),
        (
            "guess-number,math",
            {"guess-number": [{"hi": 1000}, {"hi": 50}]},
            "wordle-rl play --env guess-number --option hi=1000 --agent 'my run'",
        ),
    ],
)
def test_a_player_is_met_in_the_game_it_knows(
    env: str, options: dict[str, Any], command: str
) -> None:
    assert play_command(env, options, "my run") == command
