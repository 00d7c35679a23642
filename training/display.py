"""The run on screen: live on a terminal, else a plain line now and then.

A view of what is played and logged; a run that nobody watches trains the same model.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from statistics import fmean
from types import TracebackType
from typing import Final, NamedTuple, Self

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from wordle_rl.evaluation.replay import (
    Look,
    has_board,
    look_for,
    on_one_line,
    record_of,
    record_text,
)
from wordle_rl.records import Episode, StepRecord
from wordle_rl.training.game_files import result_text

REFRESH_PER_SECOND: Final = 2
LINE_EVERY: Final = 10
"""Steps from one plain line to the next."""
SMOOTHING: Final = 20
"""Steps that the ETA averages over."""
WIDE: Final = 72
"""Columns from which the sample game has room beside the numbers."""
SHOWN_TURNS: Final = 8
SHOWN_WARNINGS: Final = 3

GAMES_PER_S: Final = "games_per_s"
BEST: Final = "best"
BEST_STEP: Final = "best_step"


class Gauge(NamedTuple):
    """One row of the display; it is left out while one of its numbers is missing."""

    label: str
    form: str
    keys: tuple[str, ...]
    trend: bool = True
    """Whether the course of the first number is drawn."""


GAUGES: Final = (
    Gauge("win rate", "{:.1%}", ("rollout/win_rate",)),
    Gauge("reward", "{:.3f}", ("rollout/reward",)),
    Gauge("validation", "{:.1%}", ("eval/greedy_win_rate",)),
    Gauge("95% interval", "{:.1%} - {:.1%}", ("eval/greedy_low", "eval/greedy_high"), trend=False),
    Gauge("best so far", "{:.1%} (step {:.0f})", (BEST, BEST_STEP), trend=False),
    Gauge("groups mixed", "{:.0%}", ("rollout/groups_mixed",)),
    Gauge(
        "all won / lost",
        "{:.0%} / {:.0%}",
        ("rollout/groups_all_won", "rollout/groups_all_lost"),
        trend=False,
    ),
    Gauge("refused", "{:.1%}", ("rollout/invalid_rate",)),
    Gauge("loss", "{:.4f}", ("train/loss",)),
    Gauge("pairs right", "{:.1%}", ("train/pair_accuracy",)),
    Gauge("margin", "{:.3f}", ("train/reward_margin",)),
    Gauge("held-out pairs", "{:.1%}", ("eval/pair_accuracy",)),
    Gauge("entropy", "{:.3f}", ("train/entropy",)),
    Gauge("grad norm", "{:.3g}", ("train/grad_norm",)),
    Gauge("games", "{:,.0f}", ("train/games",), trend=False),
    Gauge("games/s", "{:,.1f}", (GAMES_PER_S,)),
)
"""How good it is, whether there is something to learn from, whether the update is sound, how fast;
docs/dashboard.md explains these numbers and the others, of which warnings speak."""


class TrainDisplay:
    """The run on screen.

    On a terminal with colours a live view, redrawn twice a second by a thread of its own, so no
    call here draws anything. Elsewhere (pipe, file, dumb terminal, NO_COLOR) one plain ASCII line
    for the first step, every tenth, every evaluation and the last. Use it as a context manager.

    Args:
        total_steps: steps of the whole run.
        title: what is being trained.
        console: where to; standard output by default.
        games_per_step: games played (or imitated) in a step, for games per second; 0 for none.
    """

    def __init__(
        self,
        total_steps: int,
        *,
        title: str,
        console: Console | None = None,
        games_per_step: int,
    ) -> None:
        self._total_steps = total_steps
        self._title = title
        self._console = console or Console()
        self._games_per_step = games_per_step
        self._look = look_for(self._console)
        self._live = self._open_live() if _can_redraw(self._console) else None
        self._began: float | None = None
        self._phase = ""
        self._step = 0
        self._printed = False
        self._numbers: Mapping[str, float] = {}
        self._courses: dict[str, list[float]] = {g.keys[0]: [] for g in GAUGES if g.trend}
        self._step_s: deque[float] = deque(maxlen=SMOOTHING + 1)
        self._best_rank = (-math.inf, -math.inf)
        self._game: Episode | None = None
        self._warnings: Mapping[str, tuple[int, str]] = {}

    def __enter__(self) -> Self:
        """Start the clock and the live view."""
        self._began = time.monotonic()
        if self._live is not None:
            self._live.start(refresh=True)
        else:
            size = f" of {self._games_per_step} games" if self._games_per_step else ""
            self._say(f"{self._title}: {self._total_steps} steps{size}")
        return self

    def __exit__(
        self,
        error: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Leave the last view on the screen, whatever happened."""
        self.close()

    def close(self) -> None:
        """Stop redrawing and give the cursor back. May be called twice."""
        self._phase = ""
        if self._live is not None:
            self._live.stop()

    def step(self, record: StepRecord) -> None:
        """Take in a finished step."""
        numbers = self._take(record.step, record.metrics)
        if self._live is None and self._is_due(record):
            self._printed = True
            self._say(self._line(numbers))

    def resume(self, records: Iterable[Mapping[str, float]]) -> None:
        """Take in what an earlier session logged (`RunDir.records`); nothing is printed."""
        for record in records:
            self._take(int(record["step"]), record)

    def game(self, episode: Episode) -> None:
        """Show this game as the sample from now on."""
        self._game = episode

    def warn(self, text: str) -> None:
        """Show a warning.

        What stands before its first colon is its kind: a newer warning of a kind takes the place
        of the older one, and as a plain line a kind comes back after ten steps at the earliest.
        """
        kind = text.partition(":")[0]
        others = {k: v for k, v in self._warnings.items() if k != kind}
        step, _ = self._warnings.get(kind, (-LINE_EVERY, ""))
        if self._live is None and self._step < step + LINE_EVERY:
            return
        self._warnings = {**others, kind: (self._step, text)}
        if self._live is None:
            self._say(f"warning at step {self._step}: {text}")

    def phase(self, text: str) -> None:
        """Say what is going on, for example "validating"."""
        self._phase = text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The view as it is now; the sample game is left out where there is no room for it."""
        wide = options.max_width >= WIDE
        game = None if self._game is None else sample_game(self._game, self._look)
        numbers = self._table(trend_width=0 if options.ascii_only else 14 if wide else 8)
        above: list[RenderableType] = [self._header(), self._progress(), Text()]
        below: list[RenderableType] = [
            Text(f"step {step}: {text}", style="yellow")
            for step, text in list(self._warnings.values())[-SHOWN_WARNINGS:]
        ]
        body: list[RenderableType] = [numbers]
        if game is not None and wide:
            body = [_side_by_side(numbers, game)]
        elif game is not None and _fits(console, options, [*above, numbers, Text(), game, *below]):
            body = [numbers, Text(), game]
        yield from [*above, *body, *below]

    # what is known

    def _take(self, step: int, metrics: Mapping[str, float]) -> Mapping[str, float]:
        """Remember a step; returns its numbers with what follows from them.

        The drawing thread reads what is set here, so mappings are replaced and never changed.
        """
        numbers = {**metrics, **self._speed(metrics), **self._best(step, metrics)}
        self._step = step
        self._numbers = {**self._numbers, **numbers}
        for key, course in self._courses.items():
            if key in numbers:
                course.append(numbers[key])
        return numbers

    def _speed(self, metrics: Mapping[str, float]) -> Mapping[str, float]:
        """Games per second of a step; validation, which plays other games, does not count."""
        step_s = metrics.get("time/step_s", 0.0)
        if step_s <= 0:
            return {}
        self._step_s.append(step_s)
        work_s = step_s - metrics.get("time/eval_s", 0.0)
        games = self._games_per_step
        return {GAMES_PER_S: games / work_s} if games and work_s > 0 else {}

    def _best(self, step: int, metrics: Mapping[str, float]) -> Mapping[str, float]:
        """The best validation so far, ranked as the trainer does: win rate, then lower score."""
        rate = metrics.get("eval/greedy_win_rate")
        if rate is None:
            return {}
        rank = (rate, -metrics.get("eval/greedy_score", 0.0))
        if rank > self._best_rank:
            self._best_rank = rank
            return {BEST: rate, BEST_STEP: step}
        return {key: self._numbers[key] for key in (BEST, BEST_STEP) if key in self._numbers}

    def _remaining_s(self) -> float | None:
        """Seconds to go. The oldest step of the average is left out: a first step warms up."""
        step_s = list(self._step_s)
        if not step_s:
            return None
        return max(0, self._total_steps - self._step) * fmean(step_s[1:] or step_s)

    # the live view

    def _open_live(self) -> Live:
        return Live(self, console=self._console, refresh_per_second=REFRESH_PER_SECOND)

    def _header(self) -> Table:
        row = Table.grid(expand=True, padding=(0, 1))
        row.add_column(ratio=1, no_wrap=True, style="bold")
        row.add_column(no_wrap=True, style="dim")
        row.add_row(Text(self._title), Text(self._phase))
        return row

    def _progress(self) -> Table:
        elapsed = 0.0 if self._began is None else time.monotonic() - self._began
        row = Table.grid(expand=True, padding=(0, 1))
        row.add_column(ratio=1)
        row.add_column(no_wrap=True)
        row.add_row(
            ProgressBar(total=self._total_steps, completed=self._step),
            Text(
                f"{self._step}/{self._total_steps}  {clock(elapsed)}"
                f"  ETA {clock(self._remaining_s())}"
            ),
        )
        return row

    def _table(self, *, trend_width: int) -> Table:
        """The newest numbers, each with its course since the start."""
        table = Table.grid(padding=(0, 1))
        table.add_column(style="dim", no_wrap=True, min_width=14)
        table.add_column(no_wrap=True, min_width=16)
        table.add_column(style="cyan", no_wrap=True)
        for gauge, shown in readings(self._numbers):
            course = self._courses[gauge.keys[0]] if gauge.trend else []
            table.add_row(gauge.label, shown, sparkline(course, trend_width))
        return table

    # plain lines

    def _is_due(self, record: StepRecord) -> bool:
        return (
            not self._printed
            or record.step % LINE_EVERY == 0
            or record.step >= self._total_steps
            or any(key.startswith("eval/") for key in record.metrics)
        )

    def _line(self, numbers: Mapping[str, float]) -> str:
        cells = [f"{gauge.label} {shown}" for gauge, shown in readings(numbers)]
        step, eta = f"step {self._step}/{self._total_steps}", clock(self._remaining_s())
        return " | ".join([step, *cells, f"ETA {eta}"])

    def _say(self, line: str) -> None:
        self._console.print(Text(line), soft_wrap=True)


def readings(numbers: Mapping[str, float]) -> Iterator[tuple[Gauge, str]]:
    """The gauges that have all of their numbers, each with its text.

    >>> [(gauge.label, shown) for gauge, shown in readings({"rollout/win_rate": 0.5})]
    [('win rate', '50.0%')]
    """
    for gauge in GAUGES:
        if all(key in numbers for key in gauge.keys):
            yield gauge, gauge.form.format(*(numbers[key] for key in gauge.keys))


def sparkline(values: Sequence[float], width: int) -> str:
    """The course of a number: at most `width` means over equal stretches, from its low to its high.

    >>> sparkline([0, 1, 2, 3, 4, 5, 6, 7], 8), sparkline([0, 0, 5, 5], 2), sparkline([3, 3], 8)
    ('▁▂▃▄▅▆▇█', '▁█', '▁▁')
    """
    finite = [value for value in values if math.isfinite(value)]
    n = min(width, len(finite))
    if n == 0:
        return ""
    cuts = [len(finite) * i // n for i in range(n + 1)]
    means = [fmean(finite[a:b]) for a, b in pairwise(cuts)]
    low, span = min(means), max(means) - min(means)
    blocks = "▁▂▃▄▅▆▇█"
    return "".join(blocks[round((mean - low) / span * 7) if span else 0] for mean in means)


def clock(seconds: float | None) -> str:
    """A duration as people read it.

    >>> clock(7.9), clock(3723), clock(None)
    ('0:07', '1:02:03', '-:--')
    """
    if seconds is None:
        return "-:--"
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def sample_game(episode: Episode, look: Look) -> Text:
    """A game as a coloured board, or as its last answers where it is a game without one."""
    record = record_of(episode)
    if has_board(record):
        return record_text(record, look)
    answers = [f"> {on_one_line(turn.action)}" for turn in episode.turns[-SHOWN_TURNS:]]
    text = Text(
        "\n".join([*answers, result_text(episode, len(episode.turns))]), overflow="ellipsis"
    )
    text.no_wrap = True
    return text


def _can_redraw(console: Console) -> bool:
    return console.is_interactive and not console.no_color and console.color_system is not None


def _side_by_side(left: RenderableType, right: RenderableType) -> Table:
    row = Table.grid(padding=(0, 3))
    row.add_row(left, right)
    return row


def _fits(console: Console, options: ConsoleOptions, parts: Sequence[RenderableType]) -> bool:
    """Whether these lines together are no taller than the terminal."""
    free = options.update(height=None)
    return sum(len(console.render_lines(part, free)) for part in parts) <= console.height
