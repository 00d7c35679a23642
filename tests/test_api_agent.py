"""A model behind a server as an agent: games, limits, costs, stops, and the key."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.chat_server import ChatServer, Request, Response, completion
from wordle_rl.agents.api_agent import ApiAgent, ApiSettings, load_api_agent, read_settings
from wordle_rl.agents.base import Move, Opening, Player, View
from wordle_rl.agents.loading import load_agent
from wordle_rl.cli import cli
from wordle_rl.errors import ConfigError, WordleRLError
from wordle_rl.evaluation.evaluator import evaluate
from wordle_rl.evaluation.games import GameRecord
from wordle_rl.evaluation.suites import load_suite

KEY = "sk-very-secret-0123456789"
SAID = ("I say [crane].", "[slate]", "[trace]", "[brick]", "[pound]", "[jumpy]")
SECRETS = 3
SUITE = load_suite("wordle-val").subset(SECRETS)


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


def by_turn(request: Request) -> Response:
    """The answer depends on how many were given."""
    answers = [m for m in request.body["messages"] if m["role"] == "assistant"]
    return Response(completion(SAID[len(answers)]))


def agent(server: ChatServer, **settings: object) -> ApiAgent:
    return load_api_agent("api:m", ApiSettings(base_url=server.url, **settings))


class Scripted:
    """The same answers without a server."""

    name, style = "scripted", "chat"

    def begin(self, openings: Sequence[Opening], *, temperature: float) -> Player:
        turns = [0] * len(openings)

        class Saying:
            def act(self, views: Mapping[int, View]) -> Mapping[int, Move]:
                moves = {}
                for i in views:
                    moves[i] = Move(action=SAID[turns[i]])
                    turns[i] += 1
                return moves

        return Saying()


def played(player: ApiAgent | Scripted, out: Path | None = None) -> list[GameRecord]:
    games: list[GameRecord] = []
    evaluate(player, SUITE, samples=1, out_dir=out, on_game=games.append)
    return games


# --- games


def test_games_are_those_of_the_same_answers_without_a_server() -> None:
    with ChatServer(by_turn) as server:
        assert played(agent(server)) == played(Scripted())
    turns = sum(len(game["guesses"]) for game in played(Scripted()))
    assert len(server.requests) == turns > SECRETS


def test_a_conversation_grows_turn_by_turn() -> None:
    with ChatServer(by_turn) as server:
        player = agent(server, system="Be brief.", max_new_tokens=9, request={"top_k": 1}).begin(
            [Opening(observation="Play.", info={}, seed=0, public={})], temperature=0.5
        )
        for observation in ("Play.", "X X X X X"):
            player.act({0: View(observation=observation, info={})})
    first, second = (request.body for request in server.requests)
    assert first == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Play."},
        ],
        "temperature": 0.5,
        "max_tokens": 9,
        "top_k": 1,
    }
    assert second["messages"] == [
        *first["messages"],
        {"role": "assistant", "content": SAID[0]},
        {"role": "user", "content": "X X X X X"},
    ]


def test_a_game_that_begins_in_the_middle() -> None:
    earlier = {"opening": [{"observation": "Play.", "action": "[slate]", "answer": "G G G X X"}]}
    with ChatServer(by_turn) as server:
        player = agent(server).begin(
            [Opening(observation="all of it", info=earlier, seed=0, public={})], temperature=0.0
        )
        player.act({0: View(observation="all of it", info=earlier)})
        player.act({0: View(observation="next", info={})})
    contents = [m["content"] for m in server.requests[-1].body["messages"]]
    assert contents == ["Play.", "[slate]", "G G G X X", SAID[1], "next"]


def test_an_answer_that_was_cut_is_recorded_as_such() -> None:
    with ChatServer([Response(completion("[crane]", finish_reason="length"))]) as server:
        games = played(agent(server))
    assert all(all(game["truncated"]) for game in games)
    with ChatServer(by_turn) as server:
        assert not any(any(game["truncated"]) for game in played(agent(server)))


def test_so_many_requests_are_under_way_and_no_more() -> None:
    def slow(request: Request) -> Response:
        time.sleep(0.05)
        return by_turn(request)

    for limit in (1, 3):
        with ChatServer(slow) as server:
            views = {i: View(observation="Play.", info={}) for i in range(9)}
            openings = [Opening(observation="Play.", info={}, seed=0, public={})] * 9
            agent(server, concurrency=limit).begin(openings, temperature=0.0).act(views)
        assert server.most_at_once == limit


def test_tokens_and_cost_are_counted() -> None:
    with ChatServer(by_turn) as server:
        player = agent(server, price_in=2.0, price_out=10.0)
        played(player)
    asked = len(server.requests)
    assert player.usage.requests == asked
    assert player.usage.prompt_tokens == 100 * asked
    assert player.usage.completion_tokens == 7 * asked
    assert player.usage.cost == pytest.approx(asked * (100 * 2.0 + 7 * 10.0) / 1e6)


def test_what_answers_depend_on_is_in_the_fingerprint() -> None:
    with ChatServer(by_turn) as server, ChatServer(by_turn) as other:
        same = [agent(server), agent(server, concurrency=2, retries=0, timeout_s=1)]
        changed = [
            agent(other),
            agent(server, max_new_tokens=5),
            agent(server, system="x"),
            agent(server, style="compact"),
            agent(server, request={"a": 1}),
        ]
    assert same[0].fingerprint == same[1].fingerprint
    assert len({a.fingerprint for a in [*same, *changed]}) == 6


# --- the command


def command(server: ChatServer, out: Path, *more: str) -> list[str]:
    return [
        *("evaluate", "api:m", "--api", f"base_url={server.url}", "--api", "retries=0"),
        *("--api", "concurrency=1", "--limit", str(SECRETS), "--samples", "0"),
        *("--no-train-split", "--no-store", "--json", "--out", str(out), *more),
    ]


def test_a_stopped_evaluation_goes_on_and_nothing_is_asked_twice(tmp_path: Path) -> None:
    served = 0

    def breaks_down(request: Request) -> Response:
        nonlocal served
        served += 1
        return by_turn(request) if served <= 13 else Response({"error": "down"}, status=503)

    with ChatServer(breaks_down) as server:
        first = CliRunner().invoke(cli, command(server, tmp_path))
    assert isinstance(first.exception, WordleRLError)
    assert "answered 503: down" in str(first.exception)
    kept = len((tmp_path / "games.jsonl").read_text().splitlines()) - 1
    assert 0 < kept < SECRETS
    port = int(server.url.split(":")[2].split("/")[0])
    with ChatServer(by_turn, port=port) as server:
        second = CliRunner().invoke(cli, command(server, tmp_path))
    assert second.exit_code == 0, second.output
    assert json.loads(second.stdout)["greedy"]["n"] == SECRETS
    used = [json.loads(line) for line in (tmp_path / "usage.jsonl").read_text().splitlines()]
    assert [line["requests"] for line in used] == [13, len(server.requests)]
    assert f"{len(server.requests)} answers" in second.stderr
    whole = sum(len(g["guesses"]) for g in played(Scripted()) if g["mode"] == "greedy")
    finished = sum(
        len(g["guesses"]) for g in played(Scripted())[:kept]
    )  # games end in the order of the plan here: one request at a time
    assert len(server.requests) == whole - finished


def test_the_key_is_nowhere_but_in_the_header(tmp_path: Path) -> None:
    def tells(request: Request) -> Response:
        return Response({"error": {"message": f"bad key {KEY}"}}, status=401)

    with ChatServer(by_turn) as server:
        well = CliRunner().invoke(cli, command(server, tmp_path / "well"))
    assert {r.headers["Authorization"] for r in server.requests} == {f"Bearer {KEY}"}
    assert KEY not in repr(agent(server))
    with ChatServer(tells) as server:
        badly = CliRunner().invoke(cli, command(server, tmp_path / "badly"))
    shown = [well.output, badly.output, str(badly.exception)]
    written = [p.read_text() for p in tmp_path.rglob("*") if p.is_file()]
    assert "bad key [key]" in shown[-1]
    assert not any(KEY in text for text in shown + written)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("api:",), "names no model"),
        (("api:m",), r"has no server: --api base_url=http://localhost:8000/v1"),
        (("api:m", "--api", "base_ulr=http://a/v1"), "did you mean 'base_url'"),
        (("api:m", "--api", "concurrency=0"), "concurrency=0"),
        (("api:m", "--api", "base_url=nowhere"), "'nowhere' is not an address"),
        (("random", "--api", "retries=1"), "'random' is none: leave it out"),
    ],
)
def test_bad_input_is_one_line(arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        CliRunner().invoke(cli, ["evaluate", *arguments], catch_exceptions=False)
    assert "\n" not in str(caught.value)


def test_the_address_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:1/v1")
    found = load_agent("api:some/model")
    assert (found.name, found.style) == ("api:some/model", "chat")
    assert read_settings([]) == ApiSettings()
