"""What stands below a comparison: hurdles, information, regret, pass@k, and what n can show.

A table with a line for each measure and a column for each way of playing, so that everything stays
within a terminal; what each number means is in docs/evaluation.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from rich.table import Table
from rich.text import Text

from wordle_rl.evaluation.gap import Gap
from wordle_rl.evaluation.paired import PairedResult
from wordle_rl.evaluation.report import NOTHING, Row, number, percent
from wordle_rl.records import PlayReport

Measure = Callable[[PlayReport], str]
MEASURES: dict[str, Measure] = {
    "actions parsed": lambda play: percent(play.funnel["parsed"]),
    "  legal": lambda play: percent(play.funnel["legal"]),
    "  consistent": lambda play: percent(play.funnel["consistent"]),
    "games won": lambda play: percent(play.funnel["won"]),
    "bits an action": lambda play: number(play.bits_per_action),
    "regret, guesses": lambda play: number(play.regret, sign="+"),
    "regret an action": lambda play: number(play.move_regret),
    "detectable, wins": lambda play: _points(play.detectable["win_rate"]),
    "detectable, score": lambda play: _guesses(play.detectable["score"]),
}
"""Name -> the text of its value; a line of dashes is left out."""


def details_table(rows: Sequence[Row]) -> Table:
    """The measures that `comparison_table` has no room for."""
    table = Table(header_style="bold", box=None, pad_edge=False, collapse_padding=True)
    table.add_column("95 % intervals")
    for row in rows:
        table.add_column(Text(f"{row.split}\n{row.mode}"), justify="right", overflow="fold")
    for name, measure in (MEASURES | _pass_measures(rows)).items():
        cells = [measure(row.play) for row in rows]
        if set(cells) != {NOTHING}:
            table.add_row(name, *(Text(cell.replace(" [", "\n[")) for cell in cells))
    return table


def _pass_measures(rows: Sequence[Row]) -> dict[str, Measure]:
    """A measure for each k that any of the rows has, but 1, which is the rate of wins."""
    ks = sorted({int(k) for row in rows for k in row.play.pass_at_k} - {1})
    return {f"pass@{k}": _pass_at(str(k)) for k in ks}


def _pass_at(k: str) -> Measure:
    return lambda play: percent(play.pass_at_k[k]) if k in play.pass_at_k else NOTHING


def hardest_line(row: Row, n: int = 5) -> str:
    """The secrets that went worst, each with its score and that of the best known play."""
    worst = [
        f"{r.secret} {r.score:.3g}" + (f" (best {r.best_known})" if r.best_known else "")
        for r in row.play.hardest[:n]
    ]
    return f"hardest, {row.split} {row.mode}: {', '.join(worst)}"


def gap_line(mode: str, gap: Gap) -> str:
    """Training secrets minus held-out ones, in a line."""
    wins, scores = percent(gap.win_rate, sign="+"), number(gap.score, sign="+")
    return f"generalisation gap, {mode}: wins {wins}, score {scores} (train minus held-out)"


def detectable_line(results: Mapping[str, PairedResult]) -> str:
    """What a paired comparison could have found."""
    found = [
        f"{mode} {_points(r.detectable['win_rate'])}, {_guesses(r.detectable['score'])} guesses"
        for mode, r in results.items()
    ]
    return f"detectable with a power of 80 %: {'; '.join(found)}"


def _points(share: float | None) -> str:
    return NOTHING if share is None else f"{100 * share:.1f} %"


def _guesses(difference: float | None) -> str:
    return NOTHING if difference is None else f"{difference:.2f}"
