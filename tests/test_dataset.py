"""Recorded games as chat data, written and read again."""

import json
import sys
from pathlib import Path

import pyarrow.parquet
import pytest

from tests.played import LOST, OTHER_GAME
from tests.recorded_run import other_run, train_run
from wordle_rl.errors import ConfigError, RunError
from wordle_rl.evaluation.dataset import Row, dataset_rows, held_out, write_dataset
from wordle_rl.evaluation.games import GameRecord, game_record
from wordle_rl.evaluation.recorded import game_files


@pytest.fixture
def rows(tmp_path: Path) -> list[Row]:
    return dataset_rows(game_files(train_run(tmp_path / "run")))


def test_a_game_is_a_conversation(rows: list[Row]) -> None:
    won = rows[1]
    assert won["messages"] == [
        {"role": "user", "content": "wordle 5x6"},
        {"role": "assistant", "content": "[stare]"},
        {"role": "user", "content": "XXXXX"},
        {"role": "assistant", "content": "[mound]"},
        {"role": "user", "content": "XGGGG"},
        {"role": "assistant", "content": "[pound]"},
    ]
    assert (won["reward"], won["solved"], won["n_guesses"]) == (1.0, True, 3)
    assert (won["env"], won["secret"], won["step"]) == ("wordle", "pound", 5)
    assert (won["advantage"], won["suite"], won["final_observation"]) == (0.5, None, "GGGGG")


def test_games_of_training_and_evaluations_are_rows(rows: list[Row]) -> None:
    assert [(row["step"], row["suite"], row["solved"]) for row in rows] == [
        (5, None, False),
        (5, None, True),
        (20, None, True),
        (20, None, True),
        (None, "wordle-heldout", False),
        (None, "wordle-heldout", True),
    ]


def test_what_was_said_is_kept_word_for_word(rows: list[Row]) -> None:
    said = [m["content"] for m in rows[0]["messages"] if m["role"] == "assistant"]
    assert said == [turn.action for turn in LOST.turns]
    assert "\x1b" in said[2]


def test_filters(tmp_path: Path) -> None:
    files = game_files(train_run(tmp_path / "run"))
    assert [row["solved"] for row in dataset_rows(files, won=True)] == [True] * 4
    assert len(dataset_rows(files, min_reward=0.0)) == 6
    assert len(dataset_rows(files, min_reward=1.0)) == 4
    assert dataset_rows(files, min_reward=1.1) == []


def test_games_that_failed_or_never_began_are_left_out(tmp_path: Path) -> None:
    broken: list[GameRecord] = [
        {**game_record(LOST), "error": "boom"},
        {**game_record(LOST), "guesses": [], "actions": []},
    ]
    path = tmp_path / "games.jsonl"
    path.write_text("".join(json.dumps(game) + "\n" for game in broken))
    assert dataset_rows(game_files(path)) == []


def test_games_recorded_without_what_was_said_are_refused(tmp_path: Path) -> None:
    old = {k: v for k, v in game_record(LOST).items() if k in GameRecord.__required_keys__}
    path = tmp_path / "games.jsonl"
    path.write_text(json.dumps(old) + "\n")
    with pytest.raises(RunError, match="recorded without what was said"):
        dataset_rows(game_files(path))


def test_secrets_for_measuring_are_counted(rows: list[Row]) -> None:
    splits = ["train", "val", "test", "test", "all", "train"]
    marked: list[Row] = [{**row, "split": s} for row, s in zip(rows, splits, strict=True)]
    assert held_out(marked) == {"val": 1, "test": 2, "all": 1}


# --- files


def test_json_lines_read_back_as_they_were(rows: list[Row], tmp_path: Path) -> None:
    out = tmp_path / "new" / "games.jsonl"
    write_dataset(rows, out)
    assert [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()] == rows


def test_parquet_reads_back_as_it_was(rows: list[Row], tmp_path: Path) -> None:
    out = tmp_path / "games.parquet"
    write_dataset(rows, out)
    assert pyarrow.parquet.read_table(out).to_pylist() == rows
    assert [path.name for path in tmp_path.glob("*.parquet*")] == ["games.parquet"]


def test_columns_have_their_types_whatever_is_in_them(tmp_path: Path) -> None:
    rows = dataset_rows(game_files(other_run(tmp_path / "run")))
    nothing: list[Row] = [{**row, "step": None, "advantage": None} for row in rows]
    assert nothing[0]["messages"][0]["content"] == OTHER_GAME.turns[0].observation
    for name, some in (("some", rows), ("nulls", nothing), ("none", [])):
        write_dataset(some, tmp_path / f"{name}.parquet")
    schemas = [pyarrow.parquet.read_schema(tmp_path / f"{n}.parquet") for n in ("some", "nulls")]
    assert schemas[0] == schemas[1] == pyarrow.parquet.read_schema(tmp_path / "none.parquet")


def test_nothing_is_overwritten_and_other_endings_are_refused(
    rows: list[Row], tmp_path: Path
) -> None:
    out = tmp_path / "games.jsonl"
    out.write_text("mine")
    with pytest.raises(RunError, match="exists already"):
        write_dataset(rows, out)
    assert out.read_text() == "mine"
    with pytest.raises(ConfigError, match=r"ends in \.jsonl or \.parquet"):
        write_dataset(rows, tmp_path / "games.csv")


def test_parquet_without_pyarrow_is_one_line(
    rows: list[Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ConfigError, match=r"needs pyarrow: pip install 'wordle-rl\[parquet\]'"):
        write_dataset(rows, tmp_path / "games.parquet")
    assert not list(tmp_path.glob("*.parquet"))
