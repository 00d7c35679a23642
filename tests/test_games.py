"""Finished games as plain data."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from wordle_rl.errors import RunError
from wordle_rl.evaluation.games import game_record, read_game_file, read_games
from wordle_rl.records import Completion, Episode, FinishReason, StopReason, Task, Turn


def turn(action: str, finish: FinishReason | None, **info: Any) -> Turn:
    completion = None
    if finish is not None:
        completion = Completion(
            text=action, prompt_ids=(1,), token_ids=(2,), logprobs=(-0.5,), finish_reason=finish
        )
    return Turn(
        observation="",
        action=action,
        reward=0.0,
        reward_parts={},
        info=info,
        completion=completion,
    )


def episode(*turns: Turn, stop_reason: StopReason = StopReason.TERMINATED) -> Episode:
    return Episode(
        task=Task(env_id="wordle", task_id="t", seed=0, options={"secret": "crane"}),
        turns=turns,
        final_observation="",
        terminated=stop_reason is StopReason.TERMINATED,
        truncated=stop_reason is StopReason.TRUNCATED,
        stop_reason=stop_reason,
    )


def test_a_game_as_plain_data() -> None:
    played = episode(
        turn("??", FinishReason.LENGTH, turn=1, guess="", status="no_guess", feedback=""),
        turn(
            "crane",
            FinishReason.STOP,
            turn=2,
            guess="crane",
            status="ok",
            feedback="GGGGG",
            consistent=True,
            solved=True,
        ),
    )
    record = game_record(played, mode="sampled", sample=3)
    assert (
        json.loads(json.dumps(record))
        == record
        == {
            "mode": "sampled",
            "sample": 3,
            "secret": "crane",
            "guesses": ["", "crane"],
            "statuses": ["no_guess", "ok"],
            "feedback": ["", "GGGGG"],
            "consistent": [False, True],
            "truncated": [True, False],
            "solved": True,
            "drawn": False,
            "n_guesses": 2,
            "stop_reason": "terminated",
            "error": None,
            "env": "wordle",
            "env_options": {},
            "task_id": "t",
            "split": "all",
            "told_secret": "crane",
            "opening": [],
            "actions": ["??", "crane"],
            "observations": ["", "", ""],
            "rewards": [0.0, 0.0],
            "reward": 0.0,
            "reward_parts": {},
            "opponent": [],
            "probabilities": [math.exp(-0.5), math.exp(-0.5)],
        }
    )


def test_a_game_that_never_began_is_a_record_too() -> None:
    record = game_record(episode(stop_reason=StopReason.TRUNCATED))
    assert (record["n_guesses"], record["solved"], record["guesses"]) == (0, False, [])
    assert record["stop_reason"] == "truncated"


def test_a_game_without_words_is_a_record_too() -> None:
    played = episode(turn("42", None), turn("43", None, solved=True))
    record = game_record(played)
    assert (record["n_guesses"], record["solved"]) == (2, True)


def test_reading_games_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"cannot read games from .*nowhere"):
        read_games(tmp_path / "nowhere")


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "games.jsonl"
    for content in ("[]\n", "{}\n", "no json\n", "1\n"):
        path.write_text(content)
        with pytest.raises(RunError, match=r"cannot read games from .*games\.jsonl"):
            read_games(path)


def test_a_file_is_read_up_to_a_line_that_was_cut(tmp_path: Path) -> None:
    path = tmp_path / "games.jsonl"
    record = game_record(episode(turn("crane", None, solved=True)))
    line = json.dumps(record) + "\n"
    path.write_text(json.dumps({"header": {"suite": "s"}}) + "\n" + line + line[:20])
    assert read_game_file(path) == ({"suite": "s"}, [record])
    path.write_text(line + line)
    assert read_game_file(path) == ({}, [record, record])
