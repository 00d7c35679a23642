"""Pages as text: templates with everything escaped that is not ours.

In: boards, results, games. Out: HTML. `static_page` is the leaderboard as one file that needs
nothing else; the others are what `web` serves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from wordle_rl.evaluation.board_text import board_note
from wordle_rl.evaluation.leaderboard import Board
from wordle_rl.evaluation.published import CAUTION, PUBLISHED, applies_to
from wordle_rl.evaluation.report import number, percent
from wordle_rl.records import Estimate

MARK_NAMES = {"G": "right place", "Y": "elsewhere", "X": "not in the word"}


def render(template: str, **context: Any) -> str:
    """A template of `templates/` with its values, escaped."""
    return _environment().get_template(f"{template}.html.jinja").render(**context)


def static_page(boards: Sequence[Board]) -> str:
    """The leaderboard as one file: styles and script inside, no link to anywhere."""
    static = files("wordle_rl.evaluation") / "static"
    return render(
        "board_file",
        boards=[board_context(board) for board in boards],
        published=published_context(boards),
        style=Markup((static / "style.css").read_text(encoding="utf-8")),
        script=Markup((static / "page.js").read_text(encoding="utf-8")),
    )


def board_context(board: Board) -> dict[str, Any]:
    """What a template needs of a board."""
    return {"board": board, "note": board_note(board)}


def published_context(boards: Sequence[Board]) -> dict[str, Any] | None:
    """The figures of others, where a board is about their game."""
    if not any(applies_to(board.suite) for board in boards):
        return None
    return {"caution": CAUTION, "rows": [asdict(p) for p in PUBLISHED]}


def odds(probability: float | None) -> str:
    """A probability for people; small ones keep two digits.

    >>> odds(0.4321), odds(0.00032), odds(None)
    ('43.2 %', '0.032 %', '')
    """
    if probability is None:
        return ""
    percentage = 100 * probability
    return f"{percentage:.1f} %" if percentage >= 1 else f"{percentage:.2g} %"


def _bar(estimate: Estimate, width: int) -> tuple[float, float, float] | None:
    """Where value, low and high of a rate lie on a line of `width`."""
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return None
    return width * estimate.value, width * estimate.low, width * estimate.high


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("wordle_rl.evaluation"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": percent, "number": number, "odds": odds, "bar": _bar}
    environment.globals |= {"mark_names": MARK_NAMES}
    return environment
