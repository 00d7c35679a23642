"""Finding the games of a run."""

from pathlib import Path

import pytest

from tests.recorded_run import pretrain_run, train_run
from wordle_rl.errors import ConfigError, RunError
from wordle_rl.evaluation.recorded import (
    at_steps,
    compared_files,
    evaluation_files,
    find_game_files,
    game_files,
    training_files,
)


def test_training_steps_come_first_and_in_their_order(tmp_path: Path) -> None:
    files = game_files(train_run(tmp_path / "run"))
    assert [(f.label, f.step, len(f.games)) for f in files] == [
        ("step 5", 5, 2),
        ("step 20", 20, 2),
        ("wordle-heldout before", None, 1),
        ("wordle-heldout after", None, 1),
    ]
    assert training_files(files) == files[:2]
    assert evaluation_files(files) == compared_files(files) == files[2:]


def test_of_a_comparison_that_was_made_again_the_newest_counts(tmp_path: Path) -> None:
    run = train_run(tmp_path / "run")
    old = run / "eval" / "wordle-heldout-after-0a1b"
    new = run / "eval" / "wordle-heldout-after-ffff"
    new.mkdir()
    (new / "games.jsonl").write_bytes((old / "games.jsonl").read_bytes())
    assert [f.path.parent.name for f in compared_files(game_files(run))] == [
        "wordle-heldout-before-0a1b",
        "wordle-heldout-after-ffff",
    ]


def test_an_evaluation_and_a_file_are_read_too(tmp_path: Path) -> None:
    run = train_run(tmp_path / "run")
    (file,) = game_files(run / "eval" / "wordle-heldout-after-0a1b")
    assert (file.suite, file.when, file.games[0]["solved"]) == ("wordle-heldout", "after", True)
    (file,) = game_files(run / "episodes" / "step-5.jsonl")
    assert (file.step, len(file.games)) == (5, 2)


def test_steps_are_chosen_in_the_order_asked_for(tmp_path: Path) -> None:
    files = game_files(train_run(tmp_path / "run"))
    assert [f.step for f in at_steps(files, [20, 5, 20])] == [20, 5]
    assert at_steps(files, []) == files
    with pytest.raises(ConfigError, match="no games of step 6 were saved; steps with games: 5, 20"):
        at_steps(files, [6])


def test_a_run_without_games(tmp_path: Path) -> None:
    run = pretrain_run(tmp_path / "run")
    assert find_game_files(run) == []
    with pytest.raises(RunError, match="no recorded games in"):
        game_files(run)
    with pytest.raises(RunError, match="no folder or file"):
        game_files(tmp_path / "nowhere")
