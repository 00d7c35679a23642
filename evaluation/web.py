"""The web page: leaderboard, agents, games, comparisons, and play against an agent.

In: a store, the folder of the runs, who may be played against. Out: a Starlette application. It
only reads the store. Every page stands under a policy that lets the browser load nothing from
elsewhere and run no script but ours; what agents are called and what they said is text. Lists come
in pages, so a store of any size is quick to look at. Needs the extra `web`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from wordle_rl.errors import ConfigError, WordleRLError
from wordle_rl.evaluation import web_views
from wordle_rl.evaluation.pages import render
from wordle_rl.evaluation.store import Store
from wordle_rl.evaluation.web_play import LoadAgent, NoSuchGame, PlayTable

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; "
        "img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}
LONGEST_BODY = 4096
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
LOCAL_HOSTS = ("localhost", "127.0.0.1", "[::1]", "testserver")
View = Callable[[Store, Request], str]


def create_app(
    store_path: Path,
    *,
    runs: Path,
    agents: Sequence[str],
    load: LoadAgent,
    hosts: Sequence[str] = LOCAL_HOSTS,
) -> Starlette:
    """The application.

    Args:
        store_path: the store of results; a file that is not there is an empty one.
        runs: the folder of the runs, for learning curves.
        agents: who can be played against.
        load: a name of `agents` -> the agent.
        hosts: the names under which the server may be asked, so that no page from elsewhere can
            reach it by a name of its own.
    """
    table = PlayTable(agents, load)
    boards = web_views.Boards()
    pages: dict[str, View] = {
        "/": boards.page,
        "/agents/{result_id}": partial(web_views.agent_page, runs=runs),
        "/agents/{result_id}/games": web_views.games_page,
        "/games/{game_id:int}": web_views.game_page,
        "/compare": web_views.compare_page,
    }
    return Starlette(
        routes=[
            *(Route(path, _page(view, store_path)) for path, view in pages.items()),
            Route("/play", lambda _: HTMLResponse(render("play", agents=table.agents))),
            Route("/static/{name}", _static),
            Route("/api/games", _api(lambda _, body: _begin(table, body)), methods=["POST"]),
            Route(
                "/api/games/{game_id}/guess",
                _api(lambda game, body: table.guess(game, _text(body, "guess"))),
                methods=["POST"],
            ),
            Route(
                "/api/games/{game_id}/give-up",
                _api(lambda game, _: table.give_up(game)),
                methods=["POST"],
            ),
        ],
        middleware=[
            Middleware(_Headers),
            Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts), www_redirect=False),
        ],
        exception_handlers={HTTPException: _failed, WordleRLError: _refused},
    )


class _Headers:
    """Adds `HEADERS` to every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                added = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                message = {**message, "headers": [*message["headers"], *added]}
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _page(view: View, store_path: Path) -> Callable[[Request], Response]:
    """A page of the store; it runs in a thread, with a connection of its own."""

    def endpoint(request: Request) -> Response:
        with Store(store_path) as store:
            return HTMLResponse(view(store, request))

    return endpoint


def _static(request: Request) -> Response:
    name = request.path_params["name"]
    file = files("wordle_rl.evaluation") / "static" / name
    if not re.fullmatch(r"[a-z]+\.[a-z]+", name) or not file.is_file():
        raise HTTPException(404)
    return Response(file.read_bytes(), media_type=TYPES[Path(name).suffix])


def _api(action: Callable[[str, dict[str, Any]], dict[str, Any]]) -> Any:
    """An endpoint that takes and gives JSON; a browser sends none across origins unasked."""

    async def endpoint(request: Request) -> Response:
        body = await _body(request)
        game_id = request.path_params.get("game_id", "")
        try:
            return JSONResponse(await run_in_threadpool(action, game_id, body))
        except NoSuchGame as error:
            return JSONResponse({"error": str(error)}, status_code=404)
        except WordleRLError as error:
            return JSONResponse({"error": str(error)}, status_code=400)

    return endpoint


async def _body(request: Request) -> dict[str, Any]:
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        raise HTTPException(415, "send JSON")
    content = b""
    async for chunk in request.stream():
        content += chunk
        if len(content) > LONGEST_BODY:
            raise HTTPException(413, "too long")
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise HTTPException(400, "send a JSON object")
    return body


def _text(body: dict[str, Any], key: str) -> str:
    if not isinstance(body.get(key), str):
        raise ConfigError(f"{key!r} must be a text, got {body.get(key)!r:.40}")
    return str(body[key])


def _begin(table: PlayTable, body: dict[str, Any]) -> dict[str, Any]:
    game_id = table.begin(_text(body, "agent"))
    return {"id": game_id, "state": table.state(game_id)}


def _failed(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if request.url.path.startswith("/api/"):
        return JSONResponse({"error": error.detail}, status_code=error.status_code)
    return _message(error.detail, "There is nothing here.", error.status_code)


def _refused(request: Request, error: Exception) -> Response:
    return _message("That does not work", str(error), 400)


def _message(title: str, text: str, status: int) -> Response:
    return HTMLResponse(render("message", title=title, text=text), status_code=status)
