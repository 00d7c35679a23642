"""The web application without a browser: what is there, what is not, and what cannot get in."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.stored import result
from wordle_rl.agents.loading import load_agent
from wordle_rl.evaluation.results import Result, result_id
from wordle_rl.evaluation.store import Store

if TYPE_CHECKING:
    from starlette.testclient import TestClient

testclient = pytest.importorskip("starlette.testclient", reason="the extra web is not installed")

HOSTILE = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>"


def client_of(folder: Path, *results: Result) -> "TestClient":
    with Store(folder / "results.db") as store:
        for one in results:
            store.add(one)
    from wordle_rl.evaluation.web import create_app

    app = create_app(
        folder / "results.db", runs=folder / "runs", agents=["random"], load=load_agent
    )
    return testclient.TestClient(app, raise_server_exceptions=True)


@pytest.fixture
def client(tmp_path: Path) -> Iterator["TestClient"]:
    fast, slow = result("fast", lambda i, _: 3, samples=1), result("slow", lambda i, _: 5)
    with client_of(tmp_path, fast, slow) as client:
        yield client


FAST, SLOW = result("fast", lambda i, _: 3, samples=1).id, result("slow", lambda i, _: 5).id


def test_pages_are_there(client: "TestClient") -> None:
    for path in (
        "/",
        "/?suite=wordle-val[6]&mode=sampled",
        "/play",
        f"/agents/{FAST}",
        f"/agents/{FAST}/games",
        f"/agents/{FAST}/games?mode=sampled&outcome=won&secret=",
        "/games/1",
        f"/compare?a={FAST}&b={SLOW}",
        "/static/style.css",
        "/static/page.js",
    ):
        answer = client.get(path)
        assert answer.status_code == 200, path
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy


def test_pages_load_nothing_from_elsewhere(client: "TestClient") -> None:
    for path in ("/", "/play", f"/agents/{FAST}", "/games/1", f"/compare?a={FAST}&b={SLOW}"):
        text = client.get(path).text
        assert "http://" not in text.replace("http://www.w3.org", "")
        assert "https://" not in text
        assert "<style" not in text
        assert " onclick" not in text


MISSING = (
    "/nothing",
    "/agents/nobody",
    "/agents/nobody/games",
    "/games/999999",
    "/games/99999999999999999999999",
    "/games/x",
    "/games/-1",
    "/?suite=wordle-vla",
    "/?mode=warm",
    f"/agents/{FAST}/games?page=0",
    f"/agents/{FAST}/games?page=2",
    f"/agents/{FAST}/games?page=-1",
    f"/agents/{FAST}/games?page=x",
    f"/agents/{FAST}/games?page=" + "9" * 5000,
    f"/compare?a={FAST}",
    f"/compare?a={FAST}&b={SLOW}&secret=zzzzz",
    f"/compare?a={FAST}&b={SLOW}&mode=sampled",
    "/static/nothing.js",
    "/static/..%2fweb.py",
    "/static/../web.py",
    "/static/%2e%2e/web.py",
    "/static/",
)


@pytest.mark.parametrize("path", MISSING)
def test_what_is_not_there_is_a_404(client: "TestClient", path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert "Traceback" not in answer.text
    assert answer.headers["content-security-policy"]


def test_hostile_names_and_answers_are_text(tmp_path: Path) -> None:
    name = f"a{HOSTILE}"
    made = result(name, lambda i, _: 4)
    games = tuple({**one, "actions": [HOSTILE] * 4, "error": HOSTILE} for one in made.games)
    made = replace(made, games=games, hardware=HOSTILE, revision=HOSTILE)
    made = replace(made, id=result_id(made))
    with client_of(tmp_path, made, result("b")) as client:
        other = result("b").id
        for path in (
            "/",
            f"/agents/{made.id}",
            f"/agents/{made.id}/games",
            "/games/1",
            f"/compare?a={made.id}&b={other}",
            f"/compare?a={made.id}&b={other}&secret={made.games[0]['secret']}",
            f"/agents/{made.id}/games?secret={HOSTILE}",
        ):
            answer = client.get(path)
            assert answer.status_code == 200
            assert "<script>alert" not in answer.text
            assert "<img" not in answer.text
        assert "&lt;script&gt;" in client.get("/games/1").text


def test_no_name_reads_a_file_outside_of_the_runs(tmp_path: Path) -> None:
    for where, agent in ((tmp_path / "other", str(tmp_path / "other")), (tmp_path / "runs", None)):
        run = where if agent else where / "mine"
        run.mkdir(parents=True)
        (run / "config.toml").write_text("")
        lines = [{"step": i, "rollout/win_rate": i / 4} for i in range(4)]
        (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    inside = result(str(tmp_path / "runs" / "mine" / "checkpoints" / "step-3"))
    outside = result(str(tmp_path / "runs" / ".." / "other"))
    odd = [result("x" * 5000), result("a\0b")]
    with client_of(tmp_path, inside, outside, *odd) as client:
        shown = client.get(f"/agents/{inside.id}").text
        assert "Learning curve" in shown
        assert "<svg" in shown
        assert "<style" not in shown
        for other in (outside, *odd):
            assert "Learning curve" not in client.get(f"/agents/{other.id}").text


def test_an_empty_store_says_how_to_fill_it(tmp_path: Path) -> None:
    with client_of(tmp_path) as client:
        assert "wordle-rl evaluate nano" in client.get("/").text


def test_a_new_result_is_on_the_page_at_once(tmp_path: Path) -> None:
    with client_of(tmp_path, result("first")) as client:
        assert "second" not in client.get("/").text
        with Store(tmp_path / "results.db") as store:
            store.add(result("second", lambda i, _: 2))
        assert "second" in client.get("/").text


def test_another_host_is_refused(client: "TestClient") -> None:
    """A page from elsewhere cannot reach the server by a name of its own."""
    assert client.get("/", headers={"host": "evil.example"}).status_code == 400
    assert client.get("/", headers={"host": "localhost:8765"}).status_code == 200


def test_a_game_over_the_api(client: "TestClient") -> None:
    told = client.post("/api/games", json={"agent": "random"}).json()
    assert told["state"]["secret"] is None
    path = f"/api/games/{told['id']}"
    refused = client.post(f"{path}/guess", json={"guess": "zzzzz"}).json()
    assert refused["refused"] == "Not in the word list."
    done = client.post(f"{path}/give-up", json={}).json()
    assert done["over"]
    assert len(done["secret"]) == 5


BAD_CALLS = {
    "a form": ({"data": {"agent": "random"}}, 415),
    "no JSON": ({"content": b"{", "headers": {"content-type": "application/json"}}, 400),
    "a list": ({"json": []}, 400),
    "nothing": ({"json": {}}, 400),
    "a number": ({"json": {"agent": 7}}, 400),
    "somebody else": ({"json": {"agent": "../../etc/passwd"}}, 400),
    "too long": ({"json": {"agent": "x" * 5000}}, 413),
    "deep": ({"content": b"[" * 4000, "headers": {"content-type": "application/json"}}, 400),
}


@pytest.mark.parametrize("name", BAD_CALLS)
def test_a_bad_call_is_one_line(client: "TestClient", name: str) -> None:
    call, status = BAD_CALLS[name]
    answer = client.post("/api/games", **call)
    assert answer.status_code == status
    assert isinstance(answer.json()["error"], str)


def test_a_game_that_is_gone_is_a_404(client: "TestClient") -> None:
    answer = client.post("/api/games/nothing/guess", json={"guess": "crane"})
    assert answer.status_code == 404
    assert answer.json() == {"error": "this game is gone: start a new one"}
    assert client.get("/api/games").status_code == 405


@pytest.mark.slow
def test_a_hundred_thousand_games_stay_quick(tmp_path: Path) -> None:
    one = result("big", lambda i, _: 3 + i % 4, suite="wordle-all", samples=9)
    agents = [replace(one, agent=f"big {number}") for number in range(5)]
    results = [replace(made, id=result_id(made)) for made in agents]
    with client_of(tmp_path, *results) as client:
        with Store(tmp_path / "results.db") as store:
            total = sum(store.count(found.id) for found in store.results())
        assert total >= 100_000
        base = f"/agents/{results[0].id}/games"
        client.get("/")
        paths = [
            "/",
            base,
            f"{base}?page=300",
            f"{base}?mode=sampled&outcome=won&page=100",
            f"{base}?secret=crane",
            f"/agents/{results[0].id}",
            f"/compare?a={results[0].id}&b={results[1].id}&page=20",
        ]
        for path in paths:
            began = time.process_time()
            answer = client.get(path)
            assert answer.status_code == 200, path
            assert len(answer.content) < 200_000, path
            assert time.process_time() - began < 2, path
