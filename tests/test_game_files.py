"""The games a trainer keeps as text."""

import json
from pathlib import Path

import pytest

from tests.played import LOST, OTHER_GAME, TASK, play
from wordle_rl.evaluation.replay import record_of
from wordle_rl.records import (
    Episode,
    EpisodeGroup,
    StopReason,
)
from wordle_rl.training.game_files import write_games


@pytest.fixture
def groups() -> list[EpisodeGroup]:
    won = play("[stare]", "[mound]", "[pound]", reward="shaped")
    return [
        EpisodeGroup(task=TASK, episodes=(won, LOST)),
        EpisodeGroup(task=OTHER_GAME.task, episodes=(OTHER_GAME,)),
    ]


def test_games_can_be_read(tmp_path: Path, groups: list[EpisodeGroup]) -> None:
    file = write_games(tmp_path / "episodes", 20, groups, 16, advantages_PG=[[0.75, -0.75], [0.0]])
    assert file == tmp_path / "episodes" / "step-20.txt"
    assert file.read_text(encoding="utf-8") == (
        "step 20: 3 of 3 games\n"
        "\n"
        "== pound: game 1 of 2, 1 won (step-0/task-0)\n"
        " s  t  a  r  e \n"
        " m [O][U][N][D]\n"
        "[P][O][U][N][D]\n"
        "solved in 3\n"
        "reward 1.8 = win +1 speed +0.3 credit +0.5 format +0 invalid +0, advantage +0.750\n"
        "\n"
        "== pound: game 2 of 2, 1 won (step-0/task-0)\n"
        " s  t  a  r  e \n"
        "refused: pounx\n"
        "> I say?[2J [stare]\n"
        " s  t  a  r  e \n" * 1 + " s  t  a  r  e \n" * 3 + "not solved: out_of_guesses\n"
        "reward 0 = win +0, advantage -0.750\n"
        "\n"
        "== m: game 1 of 1, 1 won (m)\n"
        "> It is\n"
        "> ?[31m 4\n"
        "Right.\n"
        "solved in 1\n"
        "reward 1, advantage +0.000\n"
    )


def test_games_are_kept_as_json_lines_without_tokens(
    tmp_path: Path, groups: list[EpisodeGroup]
) -> None:
    write_games(tmp_path, 20, groups, 16, advantages_PG=[[0.75, -0.75], [0.0]])
    text = (tmp_path / "step-20.jsonl").read_text(encoding="utf-8")
    games = [json.loads(line) for line in text.splitlines()]
    assert [(g["step"], g["task_id"], g["sample"], g["advantage"]) for g in games] == [
        (20, "step-0/task-0", 0, 0.75),
        (20, "step-0/task-0", 1, -0.75),
        (20, "m", 0, 0.0),
    ]
    assert games[0]["actions"] == ["[stare]", "[mound]", "[pound]"]
    assert games[0]["observations"] == ["wordle 5x6", "XXXXX", "XGGGG", "GGGGG"]
    assert games[0]["reward"] == sum(games[0]["rewards"]) == sum(games[0]["reward_parts"].values())
    assert record_of(games[0]) == record_of(groups[0].episodes[0])
    assert "ids" not in {key for game in games for key in game}
    assert "logprobs" not in text


def test_a_limit_keeps_the_first_games_and_a_second_attempt_replaces_them(
    tmp_path: Path, groups: list[EpisodeGroup]
) -> None:
    write_games(tmp_path, 20, groups, 3)
    file = write_games(tmp_path, 20, groups, 1)
    assert file.read_text(encoding="utf-8").startswith("step 20: 1 of 3 games\n")
    assert "advantage" not in file.read_text(encoding="utf-8")
    assert len((tmp_path / "step-20.jsonl").read_text(encoding="utf-8").splitlines()) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-20.jsonl", "step-20.txt"]


def test_a_game_that_failed_at_once_is_kept(tmp_path: Path) -> None:
    broken = Episode(
        task=TASK,
        turns=(),
        final_observation="wordle 5x6",
        terminated=False,
        truncated=False,
        stop_reason=StopReason.ERROR,
        error="ValueError: boom",
    )
    file = write_games(tmp_path, 1, [EpisodeGroup(task=TASK, episodes=(broken,))], 1)
    assert "error: ValueError: boom\nreward 0\n" in file.read_text(encoding="utf-8")
