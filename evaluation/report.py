"""Results for people: a table for the terminal, and the same in markdown.

Every rate stands with its interval and its n.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.table import Table
from rich.text import Text

from wordle_rl.evaluation.paired import PairedResult
from wordle_rl.records import Estimate, EvalReport, PlayReport

COLUMNS = ("agent", "split", "moves", "n", "wins", "score", "guesses", "invalid")
"""`score` counts a loss as one guess more than the rules allow; `guesses` is over wins only."""
DUEL_COLUMNS = ("agent", "split", "moves", "n", "wins", "draws", "losses", "invalid")
"""Of games for two; a game that failed or was called off is a loss."""
NOTHING = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a comparison."""

    agent: str
    split: str
    """Which secrets were played."""
    mode: str
    """How moves were chosen: greedy or sampled."""
    play: PlayReport


def rows_of(report: EvalReport, split: str) -> list[Row]:
    """The lines of one report: greedy, then sampled."""
    plays = (("greedy", report.greedy), ("sampled", report.sampled))
    return [
        Row(agent=report.agent, split=split, mode=mode, play=play)
        for mode, play in plays
        if play is not None
    ]


def comparison_table(rows: Sequence[Row]) -> Table:
    """The rows as a table for the terminal, intervals below their values."""
    columns = _columns(rows)
    return table(columns, [_cells(row, columns) for row in rows], left=3)


def comparison_markdown(rows: Sequence[Row]) -> str:
    """The rows as a markdown table."""
    columns = _columns(rows)
    aligned = ["---"] * 3 + ["---:"] * (len(columns) - 3)
    lines = [columns, aligned, *(_cells(row, columns) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def paired_table(results: Mapping[str, PairedResult]) -> Table:
    """Differences by how moves were chosen, as a table for the terminal."""
    columns = ("moves", "secrets", "wins", "score", "only A", "only B", "p")
    return table(columns, [_paired_cells(*item) for item in results.items()], left=1)


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, left: int) -> Table:
    """A table whose first `left` columns are text and the others numbers."""
    shown = Table(header_style="bold", box=None, pad_edge=False, collapse_padding=True)
    for i, name in enumerate(columns):
        shown.add_column(
            name,
            justify="left" if i < left else "right",
            overflow="fold",
            no_wrap=i >= left,
            min_width=len(name),
        )
    for row in rows:
        shown.add_row(*(Text(cell.replace(" [", "\n[")) for cell in row))
    return shown


def _paired_cells(mode: str, result: PairedResult) -> list[str]:
    test = result.mcnemar
    split = [str(test.only_a), str(test.only_b), f"{test.p_value:.2g}"] if test else [""] * 3
    wins, scores = percent(result.win_rate, sign="+"), number(result.score, sign="+")
    return [mode, str(result.secrets), wins, scores, *split]


def _columns(rows: Sequence[Row]) -> tuple[str, ...]:
    return DUEL_COLUMNS if any(row.play.draw_rate.value for row in rows) else COLUMNS


def _cells(row: Row, columns: Sequence[str]) -> list[str]:
    play = row.play
    guesses = play.mean_guesses.value
    cells = {
        "agent": row.agent,
        "split": row.split,
        "moves": row.mode,
        "n": str(play.n),
        "wins": percent(play.win_rate),
        "draws": percent(play.draw_rate),
        "losses": _losses(play),
        "score": number(play.score),
        "guesses": NOTHING if guesses is None else f"{guesses:.2f}",
        "invalid": f"{100 * play.invalid_rate:.1f} %",
    }
    return [cells[column] for column in columns]


def _losses(play: PlayReport) -> str:
    """What is neither won nor drawn."""
    wins, draws = play.win_rate.value, play.draw_rate.value
    return NOTHING if wins is None or draws is None else f"{100 * (1 - wins - draws):.1f} %"


def percent(rate: Estimate, sign: str = "") -> str:
    """A rate with its interval; `sign` "+" marks what is above zero, for differences.

    >>> percent(Estimate(value=0.6, low=0.387, high=0.781))
    '60.0 % [38.7, 78.1]'
    """
    if rate.value is None or rate.low is None or rate.high is None:
        return NOTHING
    value, low, high = (f"{100 * x:{sign}.1f}" for x in (rate.value, rate.low, rate.high))
    return f"{value} % [{low}, {high}]"


def number(mean: Estimate, sign: str = "") -> str:
    """A mean with its interval; `sign` as in `percent`.

    >>> number(Estimate(value=4.077, low=4.07, high=4.084))
    '4.08 [4.07, 4.08]'
    """
    if mean.value is None or mean.low is None or mean.high is None:
        return NOTHING
    value, low, high = (f"{x:{sign}.2f}" for x in (mean.value, mean.low, mean.high))
    return f"{value} [{low}, {high}]"
