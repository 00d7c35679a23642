"""Learning curves: a picture of a run, and the same numbers as small drawings for a page.

In: the lines of a `metrics.jsonl`. Out: `curve.png`, or SVG whose colours are CSS variables, so
that a page can be light or dark. matplotlib is imported when something is drawn.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wordle_rl.errors import RunError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Points = tuple[list[float], list[float]]
"""Steps and values."""
Records = Sequence[Mapping[str, float]]
"""The lines of a metrics.jsonl."""


def plot_curve(records: Records, out_png: Path | str) -> None:
    """Draw a run's learning curve: win rates above, reward below.

    Sampled wins on training secrets are a thin line for each step and a thick running mean;
    greedy wins on validation secrets are points with their 95 % interval.

    Raises:
        RunError: there is no step to draw.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if not records:
        raise RunError("no steps to draw: train first")
    figure = Figure(figsize=(8, 6), dpi=144, layout="constrained")
    FigureCanvasAgg(figure)
    wins, reward = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    _draw_wins(wins, records, ("tab:blue", "tab:orange"))
    _draw_running(reward, _series(records, "rollout/reward"), "tab:green", "mean reward")
    wins.set(ylabel="games won", ylim=(0, 1.02))
    wins.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
    if wins.get_legend_handles_labels()[0]:
        wins.legend(loc="lower left", bbox_to_anchor=(0, 1), frameon=False)
    reward.set(xlabel="training step", ylabel="reward per game")
    for axes in (wins, reward):
        _tidy(axes)
    figure.savefig(out_png)


def plot_runs(runs: Mapping[str, Sequence[Records]], out_png: Path | str) -> None:
    """Draw several runs into one picture, a colour for each variant.

    Above, sampled wins on training secrets, a running mean for every run; below, greedy wins on
    validation secrets. Thin lines are runs, a thick one is the mean of a variant's runs.

    Args:
        runs: variant -> the records of its runs, one a seed.
        out_png: the picture.

    Raises:
        RunError: there is no step to draw.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if not any(records for seeds in runs.values() for records in seeds):
        raise RunError("no steps to draw: train first")
    figure = Figure(figsize=(8, 7), dpi=144, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(2, 1, sharex=True)
    for i, (variant, seeds) in enumerate(runs.items()):
        colour, label = f"C{i}", f"{variant} ({len(seeds)} run{'s' * (len(seeds) > 1)})"
        sampled = [_series(records, "rollout/win_rate") for records in seeds]
        smooth = [(steps, _running_mean(values)) for steps, values in sampled]
        greedy = [_series(records, "eval/greedy_win_rate") for records in seeds]
        _draw_variant(panels[0], smooth, colour, label)
        _draw_variant(panels[1], greedy, colour, label, marker="o")
    titles = ("won in training, sampled", "won in validation, greedy")
    for axes, title in zip(panels, titles, strict=True):
        axes.set(ylabel=title)
        axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
        _tidy(axes)
    panels[0].legend(loc="lower left", bbox_to_anchor=(0, 1), frameon=False, ncols=2)
    panels[1].set(xlabel="training step")
    figure.savefig(out_png)


def _draw_variant(
    axes: Axes, runs: Sequence[Points], colour: str, label: str, marker: str = ""
) -> None:
    """A thin line for each run and a thick one for their mean at the steps that all have."""
    runs = [(steps, values) for steps, values in runs if steps]
    if not runs:
        return
    for steps, values in runs:
        axes.plot(steps, values, color=colour, alpha=0.35, linewidth=1)
    by_step = [dict(zip(*points, strict=True)) for points in runs]
    shared = sorted(set.intersection(*(set(found) for found in by_step)))
    means = [sum(found[step] for found in by_step) / len(by_step) for step in shared]
    axes.plot(shared, means, color=colour, linewidth=2, label=label, marker=marker, markersize=5)


def _tidy(axes: Axes) -> None:
    axes.locator_params(axis="x", integer=True)  # there is no step 2.5
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)


def _series(records: Records, key: str) -> Points:
    found = [(record["step"], record[key]) for record in records if key in record]
    return [step for step, _ in found], [value for _, value in found]


def _draw_wins(axes: Axes, records: Records, colours: tuple[str, str]) -> None:
    """Sampled wins on training secrets and greedy ones on validation secrets."""
    sampled = _series(records, "rollout/win_rate")
    label = f"training secrets, sampled{_n(records, 'rollout/games', ' games a step')}"
    _draw_running(axes, sampled, colours[0], label)
    validated = [record for record in records if "eval/greedy_win_rate" in record]
    if not validated:
        return
    rates = [record["eval/greedy_win_rate"] for record in validated]
    label = f"{what_is_validated(records)}{_n(records, 'eval/greedy_n', '')}"
    axes.errorbar(
        [record["step"] for record in validated],
        rates,
        yerr=_bars(validated, rates),
        fmt="o-",
        color=colours[1],
        markersize=5,
        capsize=3,
        linewidth=1.5,
        label=label,
    )


def what_is_validated(records: Records) -> str:
    """What the points of a run's validation are; in games for two a draw is half a win."""
    has_draws = any("eval/greedy_draw_rate" in record for record in records)
    return f"validation secrets, greedy, {'a draw counts half' if has_draws else '95 % interval'}"


def _bars(validated: Records, rates: Sequence[float]) -> list[list[float]]:
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


def _n(records: Records, key: str, unit: str) -> str:
    """`, n = 512` from the newest record that has the number."""
    values = _series(records, key)[1]
    return f", n = {values[-1]:.0f}{unit}" if values else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One drawing of a report."""

    title: str
    key: str
    """The metric that is drawn."""
    percent: bool = False


WINS = Panel(title="Games won", key="rollout/win_rate", percent=True)
"""Drawn with the validation in it."""
PANELS = (
    WINS,
    Panel(title="Reward a game", key="rollout/reward"),
    Panel(title="Entropy of the policy, nats a token", key="train/entropy"),
    Panel(title="Guesses the game refused", key="rollout/invalid_rate", percent=True),
    Panel(title="Guesses of won games", key="rollout/mean_guesses"),
    Panel(title="Loss", key="train/loss"),
)
INKS = {"#010101": "currentColor", "#020202": "var(--first)", "#030303": "var(--second)"}
"""Colours that are drawn with -> what stands in the SVG for them."""
TEXT_INK, FIRST_INK, SECOND_INK = INKS


def svg_curves(records: Records) -> Iterator[tuple[str, str]]:
    """Title and SVG of every panel that a run has numbers for."""
    for panel in PANELS:
        validated = panel is WINS and _series(records, "eval/greedy_win_rate")[0]
        if validated or _series(records, panel.key)[0]:
            yield panel.title, _svg(panel, records)


def _svg(panel: Panel, records: Records) -> str:
    """One panel, without a size of its own: it fills the width that the page gives it."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    inks = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")
    style: dict[Any, Any] = dict.fromkeys(inks, TEXT_INK) | {
        "svg.fonttype": "none",
        "svg.hashsalt": panel.key,
    }
    drawn = StringIO()
    with rc_context(style):
        figure = Figure(figsize=(4.6, 2.7), layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.subplots()
        if panel is WINS:
            _draw_wins(axes, records, (FIRST_INK, SECOND_INK))
            axes.set_ylim(0, 1.02)
        else:
            _draw_running(axes, _series(records, panel.key), FIRST_INK, panel.title)
        if panel.percent:
            axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
        axes.set_xlabel("step")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        _tidy(axes)
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(drawn, format="svg", transparent=True, metadata=nothing)
    return _for_page(drawn.getvalue(), panel.title)


def _for_page(svg: str, title: str) -> str:
    """The drawing alone, with the page's colours and a name for those who cannot see it."""
    svg = svg[svg.index("<svg") :]
    for ink, colour in INKS.items():
        svg = svg.replace(ink, colour)
    head, end, rest = svg.partition(">")
    size = re.sub(r'\s(width|height)="[^"]*"', "", head)
    return f'{size} role="img" aria-label="{escape(title)}"{end}{rest}'
