"""The pages of the store: what each one needs, fetched and put into its template.

In: an open store and a request. Out: HTML. A thing that is not there raises a 404, a choice that
makes no sense too.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import urlencode

from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.requests import Request

from wordle_rl.errors import ConfigError
from wordle_rl.evaluation.curves import svg_curves
from wordle_rl.evaluation.game_replay import replay_steps
from wordle_rl.evaluation.games import FinishedGame, Mode
from wordle_rl.evaluation.leaderboard import Board, leaderboard, newest, suites_played
from wordle_rl.evaluation.pages import board_context, published_context, render
from wordle_rl.evaluation.paired import PairedResult, paired
from wordle_rl.evaluation.report import percent
from wordle_rl.evaluation.results import Result, installed_suite, run_of
from wordle_rl.evaluation.store import Played, Store, StoredGame, outcome_of
from wordle_rl.records import Estimate
from wordle_rl.run_dir import RunDir

PER_PAGE = 60
FAVOURITE = "wordle-heldout"
"""The suite that is shown first, where it has results."""
INLINE_STYLE = re.compile(r"<style.*?</style>", re.DOTALL)
BySecret = dict[str, list[Played]]
MODES: dict[str, Mode] = {"greedy": "greedy", "sampled": "sampled"}


class Boards:
    """The leaderboard page; a board is worked out once for each state of the store."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, str, str], Board] = {}
        self._lock = Lock()

    def page(self, store: Store, request: Request) -> str:
        """The board of a suite, or word of how to get one."""
        suites = suites_played(store)
        if not suites:
            return render("board", board=None, suites=[], note="", published=None)
        first = FAVOURITE if FAVOURITE in suites else suites[0]
        suite = request.query_params.get("suite", first)
        if suite not in suites:
            raise HTTPException(404, "No results of this suite")
        board = self._board(store, suite, _mode(request))
        published = published_context([board])
        return render("board", suites=suites, published=published, **board_context(board))

    def _board(self, store: Store, suite: str, mode: Mode) -> Board:
        key = store.newest(), suite, mode
        with self._lock:
            if key not in self._known:
                self._known = {k: b for k, b in self._known.items() if k[0] == key[0]}
                self._known[key] = leaderboard(store, suite, mode)
            return self._known[key]


def agent_page(store: Store, request: Request, *, runs: Path) -> str:
    """An agent with all its results, and the learning curve where it came out of a run."""
    chosen = _result(store, request.path_params["result_id"])
    same = [r for r in store.results() if _who(r) == _who(chosen)]
    return render(
        "agent",
        agent=chosen.agent,
        facts=_facts(chosen),
        results=[_agent_result(result) for result in newest(same)],
        curves=_curves(chosen.agent, runs),
    )


def games_page(store: Store, request: Request) -> str:
    """The games of a result, by the page."""
    result = _result(store, request.path_params["result_id"])
    asked = request.query_params
    chosen = {k: asked[k] for k in ("mode", "outcome", "secret") if asked.get(k)}
    count = store.count(result.id, **chosen)
    page, pages = _pages(request, count)
    found = store.games(result.id, offset=(page - 1) * PER_PAGE, limit=PER_PAGE, **chosen)
    return render(
        "games",
        result=result,
        count=count,
        chosen=chosen,
        games=[_thumb(game) for game in found],
        page=page,
        pages=pages,
        base="?" + (urlencode(chosen) + "&" if chosen else ""),
    )


def game_page(store: Store, request: Request) -> str:
    """One game, move by move."""
    stored = _game(store, request.path_params["game_id"])
    result = _result(store, stored.result_id)
    game = stored.record
    try:
        suite = installed_suite(result.suite)
    except ConfigError:
        raise HTTPException(404, "This suite is not installed") from None
    return render(
        "game",
        result=result,
        game=game,
        secret=game.get("told_secret", game["secret"]),
        steps=replay_steps(game, suite),
        others=list(_others(store, result, stored)),
    )


def compare_page(store: Store, request: Request) -> str:
    """Two results on the same secrets, and their two games on one of them."""
    a, b = (_result(store, request.query_params.get(side, "")) for side in "ab")
    mode = _mode(request)
    if a.suite_hash != b.suite_hash:
        raise HTTPException(404, "These two played different suites")
    played = [_by_secret(store.played(result.id, mode)) for result in (a, b)]
    secrets = sorted(played[0].keys() & played[1].keys())
    if not secrets:
        raise HTTPException(404, "These two have no such games of the same secret")
    page, pages = _pages(request, len(secrets))
    shown = secrets[(page - 1) * PER_PAGE : page * PER_PAGE]
    secret = request.query_params.get("secret")
    return render(
        "compare",
        a=a,
        b=b,
        mode=mode,
        difference=_difference(played[0], played[1], a.suite),
        secret=secret,
        boards=[] if secret is None else [_side(store, r, mode, secret) for r in (a, b)],
        rows=[
            {"secret": s, "a": _outcomes(played[0][s]), "b": _outcomes(played[1][s])} for s in shown
        ],
        page=page,
        pages=pages,
        base="?" + urlencode({"a": a.id, "b": b.id, "mode": mode}) + "&",
    )


def _result(store: Store, result_id: str) -> Result:
    brief = store.brief(result_id)
    if brief is None:
        raise HTTPException(404, "No such agent")
    return brief


def _game(store: Store, game_id: int) -> StoredGame:
    stored = store.game(game_id) if game_id < 2**63 else None  # beyond what SQLite can count
    if stored is None:
        raise HTTPException(404, "No such game")
    return stored


def _who(result: Result) -> tuple[str, str]:
    return result.agent, result.fingerprint


def _mode(request: Request) -> Mode:
    mode = request.query_params.get("mode", "greedy")
    if mode not in MODES:
        raise HTTPException(404, "Games are greedy or sampled")
    return MODES[mode]


def _pages(request: Request, count: int) -> tuple[int, int]:
    """The page that is asked for, and how many there are."""
    pages = max(1, -(-count // PER_PAGE))
    asked = request.query_params.get("page", "1")
    if not (asked.isascii() and asked.isdigit() and 1 <= int(asked[:9]) <= pages):
        raise HTTPException(404, "No such page")
    return int(asked), pages


def _facts(result: Result) -> list[tuple[str, str | None]]:
    return [
        ("Fingerprint", result.fingerprint[:16]),
        ("Revision", result.revision),
        ("Settings", result.config_hash and result.config_hash[:12]),
        ("Commit", result.git_commit),
        ("Hardware", result.hardware),
        ("Versions", ", ".join(f"{k} {v}" for k, v in result.versions.items())),
    ]


def _agent_result(result: Result) -> dict[str, Any]:
    reports = (("greedy", result.greedy), ("sampled", result.sampled))
    return {
        "id": result.id,
        "suite": result.suite,
        "suite_hash": result.suite_hash,
        "created": result.created,
        "reports": [
            (mode, {**report, "win_rate_text": percent(Estimate(**report["win_rate"])) + " won"})
            for mode, report in reports
            if report is not None
        ],
    }


def _curves(agent: str, runs: Path) -> list[tuple[str, Markup]]:
    """The drawings of the run that an agent came from, if it lies in the folder of the runs.

    A name in a store may say anything, so no other file is read for it.
    """
    run = _run_within(agent, runs)
    records = [] if run is None else list(run.records())
    drawn = svg_curves(records) if records else ()
    return [(title, Markup(INLINE_STYLE.sub("", svg))) for title, svg in drawn]


def _run_within(agent: str, runs: Path) -> RunDir | None:
    try:
        if not Path(agent).resolve().is_relative_to(runs.resolve()):
            return None
        return run_of(agent)
    except (OSError, ValueError):  # no name of a file
        return None


def _thumb(stored: StoredGame) -> dict[str, Any]:
    """A game as small coloured squares; a refused guess is a row without marks."""
    game = stored.record
    rows = game["feedback"]
    coloured = any(rows) and all(set(marks) <= set("GYX") for marks in rows)
    return {
        "id": stored.id,
        "secret": game.get("told_secret", game["secret"]),
        "mode": game["mode"],
        "outcome": outcome_of(game),
        "n_guesses": game["n_guesses"],
        "marks": rows[:10] if coloured else [],
    }


def _others(store: Store, result: Result, stored: StoredGame) -> list[dict[str, Any]]:
    """The games of other agents on the same secret, and the other games of this one."""
    secret = stored.record["secret"]
    found = []
    for other in newest(store.results(result.suite)):
        if other.suite_hash != result.suite_hash:
            continue
        for game in store.games(other.id, secret=secret, limit=4):
            if game.id != stored.id:
                kind = f"{game.record['mode']}, {outcome_of(game.record)}"
                label = f"{other.agent}: {kind} after {game.record['n_guesses']}"
                found.append({"id": game.id, "label": label})
    return found[:PER_PAGE]


def _by_secret(games: Sequence[Played]) -> BySecret:
    found: defaultdict[str, list[Played]] = defaultdict(list)
    for game in games:
        found[game.secret].append(game)
    return found


def _outcomes(games: Sequence[Played]) -> str:
    return ", ".join(str(g.n_guesses) if g.outcome == "won" else g.outcome for g in games)


def _difference(a: BySecret, b: BySecret, suite: str) -> PairedResult:
    """A minus B on the secrets that both have played."""
    sides = [[_finished(game) for games in side.values() for game in games] for side in (a, b)]
    limit = installed_suite(suite).protocol.max_guesses
    return paired(sides[0], sides[1], max_guesses=limit)


def _finished(game: Played) -> FinishedGame:
    won = game.outcome == "won"
    return FinishedGame(secret=game.secret, solved=won, n_guesses=game.n_guesses)


def _side(store: Store, result: Result, mode: Mode, secret: str) -> dict[str, Any]:
    """One of two games on the same secret."""
    found = store.games(result.id, mode=mode, secret=secret, limit=1)
    if not found:
        raise HTTPException(404, "No game of this secret")
    game = found[0].record
    marked = [marks for marks in game["feedback"] if marks]
    return {
        "id": found[0].id,
        "agent": result.agent,
        "rows": list(zip(game["guesses"], game["feedback"], strict=True)),
        "tiles": all(set(marks) <= set("GYX") for marks in marked),
        "result": f"{outcome_of(game)} after {game['n_guesses']} guesses",
    }
