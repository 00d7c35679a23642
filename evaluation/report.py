"""Results for people: a table for the terminal, the same in markdown, and the learning curve.

Every rate stands with its interval and its n. matplotlib is imported when a picture is drawn.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from wordle_rl.errors import RunError
from wordle_rl.evaluation.paired import PairedResult
from wordle_rl.records import Estimate, EvalReport, PlayReport

if TYPE_CHECKING:
    from matplotlib.axes import Axes

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
    return _table(columns, [_cells(row, columns) for row in rows], left=3)


def comparison_markdown(rows: Sequence[Row]) -> str:
    """The rows as a markdown table."""
    columns = _columns(rows)
    aligned = ["---"] * 3 + ["---:"] * (len(columns) - 3)
    lines = [columns, aligned, *(_cells(row, columns) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def paired_table(results: Mapping[str, PairedResult]) -> Table:
    """Differences by how moves were chosen, as a table for the terminal."""
    columns = ("moves", "secrets", "wins", "score", "only A", "only B", "p")
    return _table(columns, [_paired_cells(*item) for item in results.items()], left=1)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, left: int) -> Table:
    """A table whose first `left` columns are text and the others numbers."""
    table = Table(header_style="bold", box=None, pad_edge=False, collapse_padding=True)
    for i, name in enumerate(columns):
        table.add_column(
            name,
            justify="left" if i < left else "right",
            overflow="fold",
            no_wrap=i >= left,
            min_width=len(name),
        )
    for row in rows:
        table.add_row(*(Text(cell.replace(" [", "\n[")) for cell in row))
    return table


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


Points = tuple[list[float], list[float]]
"""Steps and values."""


def plot_curve(metrics_path: Path | str, out_png: Path | str) -> None:
    """Draw a run's learning curve: win rates above, reward below.

    Sampled wins on training secrets are a thin line for each step and a thick running mean;
    greedy wins on validation secrets are points with their 95 % interval.

    Raises:
        RunError: the file has no step in it.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    records = _read_metrics(Path(metrics_path))
    figure = Figure(figsize=(8, 6), dpi=144, layout="constrained")
    FigureCanvasAgg(figure)
    wins, reward = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    _draw_wins(wins, records)
    _draw_running(reward, _series(records, "rollout/reward"), "tab:green", "mean reward")
    wins.set(ylabel="games won", ylim=(0, 1.02))
    wins.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
    wins.legend(loc="lower left", bbox_to_anchor=(0, 1), frameon=False)
    reward.set(xlabel="training step", ylabel="reward per game")
    for axes in (wins, reward):
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(out_png)


def _read_metrics(path: Path) -> list[dict[str, float]]:
    """The lines of a metrics.jsonl; one that was cut short is the last that is read."""
    records: list[dict[str, float]] = []
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    for line in lines:
        try:
            records.append(json.loads(line))
        except json.JSONDecodeError:
            break
    if not records:
        raise RunError(f"no steps in {str(path)!r}: train first")
    return records


def _series(records: Sequence[dict[str, float]], key: str) -> Points:
    found = [(record["step"], record[key]) for record in records if key in record]
    return [step for step, _ in found], [value for _, value in found]


def _draw_wins(axes: Axes, records: Sequence[dict[str, float]]) -> None:
    sampled = _series(records, "rollout/win_rate")
    label = f"training secrets, sampled{_n(records, 'rollout/games', ' games a step')}"
    _draw_running(axes, sampled, "tab:blue", label)
    validated = [record for record in records if "eval/greedy_win_rate" in record]
    if not validated:
        return
    rates = [record["eval/greedy_win_rate"] for record in validated]
    label = f"validation secrets, greedy, 95 % interval{_n(records, 'eval/greedy_n', '')}"
    axes.errorbar(
        [record["step"] for record in validated],
        rates,
        yerr=_bars(validated, rates),
        fmt="o-",
        color="tab:orange",
        markersize=5,
        capsize=3,
        linewidth=1.5,
        label=label,
    )


def _bars(validated: Sequence[dict[str, float]], rates: Sequence[float]) -> list[list[float]]:
    """How far the interval reaches below and above each rate."""
    pairs = list(zip(validated, rates, strict=True))
    below = [max(0.0, rate - record.get("eval/greedy_low", rate)) for record, rate in pairs]
    above = [max(0.0, record.get("eval/greedy_high", rate) - rate) for record, rate in pairs]
    return [below, above]


def _draw_running(axes: Axes, points: Points, colour: str, label: str) -> None:
    """A thin line for the values and a thick one for their running mean."""
    steps, values = points
    if not steps:
        return
    axes.plot(steps, values, color=colour, alpha=0.3, linewidth=1)
    axes.plot(steps, _running_mean(values), color=colour, linewidth=2, label=label)


def _running_mean(values: Sequence[float]) -> list[float]:
    """Each value averaged with those around it, over a tenth of the series, centred."""
    half = max(1, len(values) // 20)
    windows = [values[max(0, i - half) : i + half + 1] for i in range(len(values))]
    return [sum(window) / len(window) for window in windows]


def _n(records: Sequence[dict[str, float]], key: str, unit: str) -> str:
    """`, n = 512` from the newest record that has the number."""
    values = _series(records, key)[1]
    return f", n = {values[-1]:.0f}{unit}" if values else ""
