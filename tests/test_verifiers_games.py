"""Our games inside verifiers: as a conversation, and in its own rollouts where it is installed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.chat_server import ChatServer, Request, Response, completion
from wordle_rl.config import EnvSection
from wordle_rl.evaluation.suites import load_suite
from wordle_rl.training.verifiers_games import Games, GameScore, play

EXAMPLES = Path(__file__).parents[1] / "examples"
VAL = Games(env=EnvSection(reward="shaped"), suite="wordle-val")


class Script:
    """A player that says what it is told to, and then nothing."""

    def __init__(self, said: Sequence[str]) -> None:
        self.said = list(said)
        self.heard: list[str | None] = []

    async def turn(self, message: str | None = None) -> Any:
        self.heard.append(message)
        if not self.said:
            return SimpleNamespace(terminated=True, last_reply="")
        return SimpleNamespace(terminated=False, last_reply=self.said.pop(0))


def played(number: int, *said: str) -> tuple[GameScore, Script]:
    game, _ = VAL.begin(VAL.task(number))
    script = Script(said)
    return asyncio.run(play(game, script)), script


SECRET = load_suite("wordle-val").secrets[3]


def test_the_game_counts_its_own_wins_and_rewards() -> None:
    score, script = played(3, "[zzzzz]", "I have no idea", "", f"It is [{SECRET}]", "[crane]")
    assert score.metrics == {"solved": 1, "turns": 4, "invalid_rate": 0.75, "unfinished": 0}
    assert script.said == ["[crane]"], "nobody is asked once the game is over"
    assert script.heard[0] is None, "the opening is the prompt"
    assert len(script.heard) == 4
    game, _ = VAL.begin(VAL.task(3))
    answers = ("[zzzzz]", "I have no idea", "", f"[{SECRET}]")
    assert score.reward == pytest.approx(sum(game.step(answer)[1] for answer in answers))


def test_a_player_who_stops_has_what_the_game_paid_so_far() -> None:
    score, _ = played(3, "[zzzzz]")
    assert score.metrics == {"solved": 0, "turns": 1, "invalid_rate": 1, "unfinished": 1}
    assert score.reward < 0, "a refused word costs"


def test_a_task_has_one_secret_and_tasks_have_many() -> None:
    games = Games(env=EnvSection(id="guess-number", options={"hi": 1000}))

    def secret(number: int) -> Any:
        game, _ = games.begin(games.task(number))
        while True:
            *_, over, _, info = game.step("0")
            if over:
                return info["secret"]

    assert [task.seed for task in islice(games.tasks(), 3)] == [0, 1, 2]
    secrets = [secret(number) for number in range(8)]
    assert [secret(number) for number in range(8)] == secrets
    assert len(set(secrets)) > 4


def test_a_suite_plays_its_own_secrets_under_its_own_rules() -> None:
    suite = load_suite("wordle-val")
    tasks = list(VAL.tasks())
    assert [task.secret for task in tasks] == list(suite.secrets)
    assert all(task.env_options == suite.env_options for task in tasks)


# --- verifiers itself: `make test-extras`


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Any:
    pytest.importorskip("verifiers.v1", reason="an extra: make test-extras")
    monkeypatch.syspath_prepend(str(EXAMPLES))
    return pytest.importorskip("verifiers_games")


def episodes(environment: Any, answer: Any, tasks: int, rollouts: int) -> tuple[list[Any], Any]:
    config = {"suite": "wordle-val", "reward": "shaped"}
    with ChatServer(answer) as server:
        asked = environment.evaluate(
            config, "model", server.url, tasks=tasks, rollouts=rollouts, temperature=0.5
        )
        return asyncio.run(asked), server


def said(text: str) -> Response:
    return Response(completion(text, id="x", created=0, model="model"))


def test_rollouts_of_verifiers_are_our_games(environment: Any) -> None:
    """Everybody opens with the first secret: the first task is won at once, the second is lost."""
    secrets = load_suite("wordle-val").secrets
    found, server = episodes(environment, lambda request: said(f"[{secrets[0]}]"), 2, 2)
    assert [len(episode.traces) for episode in found] == [1, 1, 1, 1]
    won, also, lost, lost_too = (episode.traces[0] for episode in found)
    assert all(episode.ok for episode in found)
    for trace in (won, also):
        assert trace.metrics["solved"] == trace.metrics["turns"] == 1
    for trace in (lost, lost_too):
        assert trace.metrics["solved"] == trace.metrics["unfinished"] == 0
        assert trace.metrics["turns"] == 6
    assert won.reward == also.reward > 1 > lost.reward == lost_too.reward
    assert len(server.requests) == 1 + 1 + 6 + 6
    assert {request.body["temperature"] for request in server.requests} == {0.5}
    for trace in (lost, lost_too):
        assert secrets[1] not in trace.task.data.model_dump_json()


def test_what_cannot_be_parsed_is_data_and_what_fails_is_an_error(environment: Any) -> None:
    found, _ = episodes(environment, lambda request: said("What a game!"), 1, 1)
    [trace] = found[0].traces
    assert trace.ok
    assert trace.metrics["invalid_rate"] == 1

    def refuse(request: Request) -> Response:
        return Response({"error": {"message": "no such model"}}, status=404)

    [failed] = episodes(environment, refuse, 1, 1)[0]
    assert not failed.ok
