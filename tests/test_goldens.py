"""Golden transcripts: whole games on file, replayed and compared line by line.

A file in `goldens/` names a game, its options and how it is reset, then lists actions (`>`, as
JSON) each followed by what came back. To add a game, write the header and the actions and run
`UPDATE_GOLDENS=1 pytest tests/test_goldens.py`; to accept a change, run the same, read the diff,
and bump the version of the environment.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from wordle_rl.envs import GAMES, make_env

FOLDER = Path(__file__).parent / "goldens"
FILES = sorted(FOLDER.glob("*.txt"))


def header(path: Path) -> dict[str, Any]:
    """The `env`, `options` and `reset` lines of a transcript."""
    lines = path.read_text(encoding="utf-8").splitlines()[:3]
    return {key: json.loads(value) for key, _, value in (line.partition(" ") for line in lines)}


def actions(path: Path) -> list[str]:
    """What is played in a transcript."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [json.loads(line.removeprefix("> ")) for line in lines if line.startswith("> ")]


def transcript(path: Path) -> Iterator[str]:
    """Play a transcript's game again and yield the lines that belong in its file."""
    head = header(path)
    for key in ("env", "options", "reset"):
        yield f"{key} {json.dumps(head[key])}"
    env = make_env(head["env"], **head["options"])
    observation, info = env.reset(**head["reset"])
    yield from ["", *said(observation, info)]
    for action in actions(path):
        observation, reward, terminated, truncated, info = env.step(action)
        yield from ["", f"> {json.dumps(action)}", *said(observation, info)]
        yield f"reward {reward:.12g} terminated {terminated} truncated {truncated}"


def said(observation: str, info: dict[str, Any]) -> Iterator[str]:
    """An observation and info as lines."""
    yield from (f"< {line}" for line in observation.split("\n"))
    yield f"info {json.dumps(rounded(info))}"


def rounded(value: Any) -> Any:
    """Numbers as every machine computes them: the last digits of a logarithm are not."""
    if isinstance(value, dict):
        return {key: rounded(inner) for key, inner in value.items()}
    return float(f"{value:.12g}") if isinstance(value, float) else value


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_transcript(path: Path) -> None:
    lines = list(transcript(path))
    if os.environ.get("UPDATE_GOLDENS"):
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert lines == path.read_text(encoding="utf-8").splitlines()


def test_none_is_missing() -> None:
    assert {game.env_id for game in GAMES.values()} <= {header(path)["env"] for path in FILES}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_games_are_played_to_their_end(path: Path) -> None:
    assert "terminated True" in path.read_text(encoding="utf-8").splitlines()[-1]
