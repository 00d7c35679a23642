"""The client of OpenAI-compatible servers against a real one: retries, refusals, and the key."""

import email.utils
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.chat_server import ChatServer, Request, Response, completion
from wordle_rl.agents.api_client import (
    FIRST_PAUSE_S,
    LONGEST_PAUSE_S,
    ApiClient,
    ApiError,
    ChatReply,
    TransientApiError,
)
from wordle_rl.errors import ConfigError, ModelError

KEY = "sk-very-secret-0123456789"
ENV = "WORDLE_RL_TEST_KEY"
ASKED = [{"role": "system", "content": "Grade."}, {"role": "user", "content": "a game"}]
OK = Response(completion("fine"))


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENV, KEY)


def client(server: ChatServer, pauses: list[float] | None = None, **options: Any) -> ApiClient:
    sleep = (pauses if pauses is not None else []).append
    given = {"model": "m", "key_env": ENV, "timeout_s": 5.0, "sleep": sleep, **options}
    return ApiClient(base_url=server.url, **given)


def ask(api: ApiClient) -> ChatReply:
    return api.chat(ASKED, temperature=0.5, max_tokens=9)


# --- what is sent, what comes back


def test_a_request_and_its_reply() -> None:
    with ChatServer([Response(completion("It is 7.", finish_reason="length"))]) as server:
        reply = ask(client(server))
    assert reply == ChatReply(
        text="It is 7.", finish_reason="length", prompt_tokens=100, completion_tokens=7
    )
    (request,) = server.requests
    assert request.path == "/v1/chat/completions"
    assert request.headers["Authorization"] == f"Bearer {KEY}"
    assert request.headers["Content-Type"] == "application/json"
    assert request.body == {"model": "m", "messages": ASKED, "temperature": 0.5, "max_tokens": 9}


def test_without_a_key_none_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENV)
    with ChatServer([OK]) as server:
        ask(client(server))
    assert "Authorization" not in server.requests[0].headers


def test_further_fields_win() -> None:
    with ChatServer([OK]) as server:
        ask(client(server, request={"temperature": 1, "max_completion_tokens": 20}))
    body = server.requests[0].body
    assert (body["temperature"], body["max_completion_tokens"]) == (1, 20)
    assert "max_tokens" not in body


def test_what_a_server_may_leave_out() -> None:
    body = {"choices": [{"message": {"content": None}}]}
    with ChatServer([Response(body)]) as server:
        reply = ask(client(server))
    assert reply == ChatReply(text="", finish_reason="stop", prompt_tokens=0, completion_tokens=0)


@pytest.mark.parametrize("end", ["", "/", "/chat/completions"])
def test_the_address_may_end_in_any_usual_way(end: str) -> None:
    with ChatServer([OK]) as server:
        api = ApiClient(base_url=server.url + end, model="m", key_env=ENV)
        assert ask(api).text == "fine"
    assert server.requests[0].path == "/v1/chat/completions"


# --- failures that may pass


@pytest.mark.parametrize(
    "failure",
    [
        Response({"error": {"message": "slow down"}}, 429),
        Response({"error": {"message": "boom"}}, 500),
        Response(b"<html>bad gateway</html>", 502),
        Response(b"{not json"),
        Response(b"\xff\xfe"),
        Response(b"[" * 100_000),
        Response({"choices": []}),
        Response({"choices": [{"message": {"content": ["a"]}}]}),
        Response(["a", "list"]),
        Response({**completion("x"), "usage": {"prompt_tokens": float("inf")}}),
    ],
    ids=range(10),
)
def test_it_tries_again(failure: Response) -> None:
    pauses: list[float] = []
    with ChatServer([failure, failure, OK]) as server:
        assert ask(client(server, pauses)).text == "fine"
    assert len(server.requests) == 3
    assert len(pauses) == 2


def test_pauses_double_and_differ() -> None:
    firsts = set()
    for _ in range(3):
        pauses: list[float] = []
        with (
            ChatServer([Response({}, 503)]) as server,
            pytest.raises(TransientApiError, match="answered 503"),
        ):
            ask(client(server, pauses, retries=9))
        assert len(server.requests) == 10
        for attempt, pause in enumerate(pauses):
            middle = FIRST_PAUSE_S * 2**attempt
            assert min(0.5 * middle, LONGEST_PAUSE_S) <= pause
            assert pause <= min(1.5 * middle, LONGEST_PAUSE_S)
        firsts.add(pauses[0])
    assert len(firsts) == 3


@pytest.mark.parametrize(
    ("header", "low", "high"),
    [
        ("7", 7.0, 7.0),
        ("100000", LONGEST_PAUSE_S, LONGEST_PAUSE_S),
        (lambda: email.utils.formatdate(time.time() + 30, usegmt=True), 27.0, 31.0),
        ("soon", 0.0, 1.5 * FIRST_PAUSE_S),
        ("-3", 0.0, 1.5 * FIRST_PAUSE_S),
    ],
)
def test_a_server_may_ask_for_a_longer_pause(header: Any, low: float, high: float) -> None:
    pauses: list[float] = []
    said = header() if callable(header) else header
    with ChatServer([Response({}, 429, {"Retry-After": said}), OK]) as server:
        ask(client(server, pauses))
    assert low <= pauses[0] <= high


def test_a_silent_server_times_out() -> None:
    def slow(request: Request) -> Response:
        time.sleep(0.4)
        return OK

    with (
        ChatServer(slow) as server,
        pytest.raises(TransientApiError, match=r"no answer for 0\.1 s"),
    ):
        ask(client(server, retries=1, timeout_s=0.1))
    assert len(server.requests) == 2


def test_a_server_that_is_not_there() -> None:
    with ChatServer([OK]) as server:
        api = client(server, retries=2)
    with pytest.raises(TransientApiError, match="refused"):
        ask(api)


def test_no_retries_means_one_attempt() -> None:
    with ChatServer([Response({}, 500)]) as server, pytest.raises(TransientApiError):
        ask(client(server, retries=0))
    assert len(server.requests) == 1


# --- failures that stay


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_a_refusal_is_not_tried_again(status: int) -> None:
    body = {"error": {"message": "no such model\nhere", "type": "invalid_request_error"}}
    with (
        ChatServer([Response(body, status)]) as server,
        pytest.raises(ApiError, match=f"answered {status}: no such model here") as caught,
    ):
        ask(client(server))
    assert len(server.requests) == 1
    assert not isinstance(caught.value, TransientApiError)
    assert isinstance(caught.value, ModelError)
    assert (f"${ENV}" in str(caught.value)) is (status in (401, 403))


def test_a_redirect_is_refused() -> None:
    """Following it would take the key along."""
    with ChatServer([OK]) as other:
        moved = Response({}, 307, {"Location": f"{other.url}/chat/completions"})
        with ChatServer([moved]) as server, pytest.raises(ApiError, match="answered 307"):
            ask(client(server))
    assert other.requests == []


def test_what_a_server_says_is_shown_short_and_clean() -> None:
    with (
        ChatServer([Response(b"\x1b[2J" + b"x" * 10_000, 400)]) as server,
        pytest.raises(ApiError) as caught,
    ):
        ask(client(server))
    assert len(str(caught.value)) < 300
    assert str(caught.value).isprintable()


# --- the key


@pytest.mark.parametrize(
    "response",
    [
        Response({"error": {"message": f"Incorrect API key provided: {KEY}."}}, 401),
        Response(f"unknown key {KEY}".encode(), 500),
        Response({}, 307, {"Location": f"http://127.0.0.1/{KEY}"}),
    ],
    ids=["refused", "failed", "moved"],
)
def test_the_key_is_never_shown(response: Response, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(0), ChatServer([response]) as server:
        api = client(server, retries=0)
        with pytest.raises(ModelError) as caught:
            ask(api)
    shown = "".join(traceback.format_exception(caught.value)) + repr(api) + str(api) + caplog.text
    assert KEY not in shown
    assert str(response.status) in shown
    assert server.requests[0].headers["Authorization"].endswith(KEY)


@pytest.mark.parametrize("bad", ["sk-a\nb", "sk-\u00e9", "sk a"])
def test_a_broken_key_is_refused_without_being_shown(
    bad: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ENV, bad)
    with pytest.raises(ConfigError, match="characters that no key has") as caught:
        ApiClient(base_url="http://127.0.0.1/v1", model="m", key_env=ENV)
    assert ENV in str(caught.value)
    assert bad not in str(caught.value)


def test_a_password_in_the_address_is_refused_without_being_shown() -> None:
    with pytest.raises(ConfigError, match="name or password") as caught:
        ApiClient(base_url="http://me:hunter2@127.0.0.1/v1", model="m")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("url", ["", "localhost:8000", "ftp://a/v1", "http://", "http://a/v1?k=1"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(ConfigError, match="is not an address such as"):
        ApiClient(base_url=url, model="m")


# --- threads


def test_many_threads_share_a_client() -> None:
    def echo(request: Request) -> Response:
        return Response(completion(request.said))

    with ChatServer(echo) as server, ThreadPoolExecutor(8) as pool:
        api = client(server)
        said = [str(n) for n in range(40)]
        replies = pool.map(
            lambda text: (
                api.chat([{"role": "user", "content": text}], temperature=0, max_tokens=1).text
            ),
            said,
        )
        assert list(replies) == said
