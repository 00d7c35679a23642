"""What a trainer shows while it works, and what it keeps beside metrics.jsonl.

    TrainDisplay        the run on screen: live on a terminal, else a plain line now and then
    collapse_warning    the logged numbers -> one line of warning, or None
    write_games         whole games as readable text and as JSON lines

All three are views of what was played and logged; a run that nobody watches trains the same model.
"""

from __future__ import annotations

import json
import math
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice, pairwise
from pathlib import Path
from statistics import fmean, median
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from wordle_rl.evaluation.evaluator import game_record
from wordle_rl.evaluation.replay import (
    PLAIN,
    Look,
    Record,
    look_for,
    record_of,
    record_text,
    row_text,
)
from wordle_rl.records import Episode, EpisodeGroup, StepRecord
from wordle_rl.run_dir import write_atomically

# --- the display

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
    Gauge("games", "{:,.0f}", ("train/games",), trend=False),
    Gauge("games/s", "{:,.1f}", (GAMES_PER_S,)),
    Gauge("loss", "{:.4f}", ("train/loss",)),
    Gauge("entropy", "{:.3f}", ("train/entropy",)),
    Gauge("sampler KL", "{:.2g}", ("train/sampler_kl",)),
    Gauge("grad norm", "{:.3g}", ("train/grad_norm",)),
    Gauge(
        "all won / lost",
        "{:.0%} / {:.0%}",
        ("rollout/groups_all_won", "rollout/groups_all_lost"),
    ),
    Gauge("validation", "{:.1%}", ("eval/greedy_win_rate",)),
    Gauge("95% interval", "{:.1%} - {:.1%}", ("eval/greedy_low", "eval/greedy_high"), trend=False),
    Gauge("best so far", "{:.1%} (step {:.0f})", (BEST, BEST_STEP), trend=False),
)


class TrainDisplay:
    """The run on screen.

    On a terminal with colours a live view, redrawn twice a second by a thread of its own, so no
    call here draws anything. Elsewhere (pipe, file, dumb terminal, NO_COLOR) one plain ASCII line
    for the first step, every tenth, every evaluation and the last. Use it as a context manager.

    Args:
        total_steps: steps of the whole run.
        title: what is being trained.
        console: where to; standard output by default.
        games_per_step: games played (or imitated) in a step, for games per second.
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
            self._say(f"{self._title}: {self._total_steps} steps of {self._games_per_step} games")
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
        return {GAMES_PER_S: self._games_per_step / work_s} if work_s > 0 else {}

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
    if _has_board(record):
        return record_text(record, look)
    answers = [f"> {_on_one_line(turn.action)}" for turn in episode.turns[-SHOWN_TURNS:]]
    text = Text("\n".join([*answers, _result(episode, len(episode.turns))]), overflow="ellipsis")
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


# --- early warnings

WINDOW: Final = 10
"""Steps that are averaged, so that one odd step is no alarm."""
SOLVED: Final = 0.95
"""Win rate from which a policy may be sure of itself."""
MAX_SAMPLER_KL: Final = 0.01
"""Nats a token; training was seen to be stable below (Tinker)."""
MIN_ENTROPY: Final = 0.02
"""Nats a token."""
MIN_MIXED: Final = 0.05
"""Share of groups that have both better and worse games."""
MAX_NORM_GROWTH: Final = 10.0

History = Sequence[Mapping[str, float]]


def collapse_warning(history: History) -> str | None:
    """The most urgent sign that a run goes wrong, as one line, or None.

    A run usually collapses in this order (RAGEN's echo trap, arXiv:2504.20073): groups lose their
    spread, the gradient norm jumps, the policy repeats itself, and only then fewer games are won.

    Args:
        history: the logged metrics of all steps, oldest first. Only these numbers count, never
            the time; keys that are not logged are not judged.

    >>> collapse_warning([{"train/sampler_kl": 0.5}])[:46]
    'sampler KL: 0.5 nats a token, stable runs stay'
    """
    if not history:
        return None
    return next((text for check in CHECKS if (text := check(history)) is not None), None)


def _not_finite(history: History) -> str | None:
    for key in ("train/loss", "train/grad_norm", "train/sampler_kl"):
        value = history[-1].get(key, 0.0)
        if not math.isfinite(value):
            return f"not finite: {key} is {value}; go back to a checkpoint and lower train.lr"
    return None


def _sampler_kl_high(history: History) -> str | None:
    now = _recent(history, "train/sampler_kl", least=1)
    if now is None or now <= MAX_SAMPLER_KL:
        return None
    return (
        f"sampler KL: {now:.2g} nats a token, stable runs stay below {MAX_SAMPLER_KL}; sampler "
        "and trainer disagree, try model.dtype=float32"
    )


def _gradient_exploded(history: History) -> str | None:
    """The median of the newest norms against all before them, so a single spike is no alarm."""
    norms = _series(history, "train/grad_norm")
    before, newest = norms[:-WINDOW], norms[-WINDOW:]
    if len(before) < WINDOW:
        return None
    usual, now = median(before), median(newest)
    if now <= max(1.0, MAX_NORM_GROWTH * usual):
        return None
    return f"gradient norm: {now:.3g}, it was {usual:.3g} before; lower train.lr"


def _win_rate_fell(history: History) -> str | None:
    """Few games are noisy, so the fall also has to exceed four standard errors of a mean."""
    now = _recent(history, "rollout/win_rate")
    if now is None:
        return None
    best = max(_means(_series(history, "rollout/win_rate")))
    games = WINDOW * (_recent(history, "rollout/games") or math.inf)
    if best - now <= max(0.1, best / 4, 4 * math.sqrt(0.25 / games)):
        return None
    return (
        f"win rate fell: {now:.1%} over the last {WINDOW} steps, {best:.1%} at its best; go back "
        "to the best checkpoint and lower train.lr"
    )


def _openers_collapsed(history: History) -> str | None:
    """One opener is no fault while the reward holds."""
    entropy = _recent(history, "rollout/opener_entropy")
    reward = _recent(history, "rollout/reward")
    if entropy is None or reward is None:
        return None
    widest = max(_means(_series(history, "rollout/opener_entropy")))
    best = max(_means(_series(history, "rollout/reward")))
    if entropy >= widest / 4 or best - reward <= 0.1 * abs(best):
        return None
    return (
        f"openers: entropy {entropy:.2f} nats, once {widest:.2f}, while reward fell from "
        f"{best:.3f} to {reward:.3f}; lower train.lr or raise train.kl_coef"
    )


def _entropy_gone(history: History) -> str | None:
    entropy = _recent(history, "train/entropy", least=1)
    mixed = _recent(history, "rollout/groups_mixed")
    if entropy is None or mixed is None or _is_solved(history):
        return None
    if entropy >= MIN_ENTROPY or mixed >= 2 * MIN_MIXED:
        return None
    return (
        f"entropy: {entropy:.3f} nats a token, and in {1 - mixed:.0%} of the groups all games earn "
        "the same; raise rollout.temperature or go back to an earlier checkpoint"
    )


def _groups_flat(history: History) -> str | None:
    mixed = _recent(history, "rollout/groups_mixed")
    if mixed is None or mixed >= MIN_MIXED or _is_solved(history):
        return None
    lost = _recent(history, "rollout/groups_all_lost") or 0.0
    remedy = (
        "start from a stronger model or use env.reward=shaped"
        if lost > 0.5
        else "raise rollout.group_size or rollout.temperature"
    )
    return f"no signal: only {mixed:.1%} of the groups have games that differ in reward; {remedy}"


CHECKS: Final[Sequence[Callable[[History], str | None]]] = (
    _not_finite,
    _sampler_kl_high,
    _gradient_exploded,
    _win_rate_fell,
    _openers_collapsed,
    _entropy_gone,
    _groups_flat,
)
"""The most urgent first."""


def _series(history: History, key: str) -> list[float]:
    """The finite values of a metric, oldest first."""
    return [row[key] for row in history if key in row and math.isfinite(row[key])]


def _recent(history: History, key: str, *, least: int = WINDOW) -> float | None:
    """The mean over the last steps, or None where fewer than `least` of them logged it."""
    values = _series(history[-WINDOW:], key)
    return fmean(values) if len(values) >= least else None


def _means(values: Sequence[float]) -> Iterator[float]:
    """The means of all stretches of `WINDOW` neighbours."""
    return (fmean(values[i : i + WINDOW]) for i in range(len(values) - WINDOW + 1))


def _is_solved(history: History) -> bool:
    return (_recent(history, "rollout/win_rate", least=1) or 0.0) >= SOLVED


# --- games on disk


class _Kept(NamedTuple):
    """A game with its place in its group."""

    group: EpisodeGroup
    number: int
    episode: Episode
    advantage: float | None


def write_games(
    path: Path,
    step: int,
    groups: Sequence[EpisodeGroup],
    limit: int,
    *,
    advantages_PG: Sequence[Sequence[float]] | None = None,
) -> Path:
    """Keep whole games of a step as `step-N.txt` for people and `step-N.jsonl` for programs.

    A line of the latter is `evaluator.game_record` with what was said, seen and earned; token ids
    are left out.

    Args:
        path: the folder, `RunDir.episodes`; made if it does not exist.
        step: names the files; those of an earlier attempt at the step are replaced.
        groups: what was played.
        limit: most games, the groups one after the other.
        advantages_PG: the advantage of each game, by group.

    Returns:
        The text file.
    """
    kept = list(islice(_in_order(groups, advantages_PG), limit))
    total = sum(len(group.episodes) for group in groups)
    texts = [f"step {step}: {len(kept)} of {total} games\n", *map(_game_text, kept)]
    path.mkdir(parents=True, exist_ok=True)
    write_atomically(path / f"step-{step}.txt", "\n".join(texts))
    lines = [json.dumps({"step": step, **_game_json(game)}) + "\n" for game in kept]
    write_atomically(path / f"step-{step}.jsonl", "".join(lines))
    return path / f"step-{step}.txt"


def _in_order(
    groups: Sequence[EpisodeGroup],
    advantages_PG: Sequence[Sequence[float]] | None,
) -> Iterator[_Kept]:
    for p, group in enumerate(groups):
        for g, episode in enumerate(group.episodes):
            advantage = None if advantages_PG is None else float(advantages_PG[p][g])
            yield _Kept(group, g, episode, advantage)


def _game_json(game: _Kept) -> dict[str, Any]:
    episode = game.episode
    return {
        "task_id": episode.task.task_id,
        **game_record(episode, mode="sampled", sample=game.number),
        "actions": [turn.action for turn in episode.turns],
        "observations": _observations(episode),
        "rewards": [turn.reward for turn in episode.turns],
        "reward": episode.total_reward,
        "reward_parts": _reward_parts(episode),
        "advantage": game.advantage,
    }


def _game_text(game: _Kept) -> str:
    """A game as it was played, with everything the agent said that is more than the guess."""
    episode, size = game.episode, len(game.group.episodes)
    record = game_record(episode)
    won = sum(other.solved for other in game.group.episodes)
    parts = " ".join(f"{name} {value:+g}" for name, value in _reward_parts(episode).items())
    earned = f"reward {episode.total_reward:g}" + (f" = {parts}" if parts else "")
    if game.advantage is not None:
        earned += f", advantage {game.advantage:+.3f}"
    return "\n".join(
        [
            f"== {record['secret']}: game {game.number + 1} of {size}, {won} won"
            f" ({episode.task.task_id})",
            *_turn_lines(episode),
            _result(episode, record["n_guesses"]),
            earned + "\n",
        ]
    )


def _turn_lines(episode: Episode) -> Iterator[str]:
    """The rows of a board, each after what was said; for other games the answers of the game."""
    record = record_of(episode)
    has_board = _has_board(record)
    answers = _observations(episode)[1:]
    for turn, (guess, marks), answer in zip(episode.turns, record.rows, answers, strict=True):
        said = _printable(turn.action).strip()
        if not has_board or said.strip("[].").lower() != guess:
            yield from (f"> {line}" for line in said.split("\n"))
        yield row_text(guess, marks, PLAIN).plain if has_board else _printable(answer)


def _observations(episode: Episode) -> list[str]:
    return [*(turn.observation for turn in episode.turns), episode.final_observation]


def _reward_parts(episode: Episode) -> dict[str, float]:
    """What each component paid over the whole game."""
    total: Counter[str] = Counter()
    for turn in episode.turns:
        total.update(turn.reward_parts)
    return dict(total)


def _result(episode: Episode, n_guesses: int) -> str:
    if episode.solved:
        return f"solved in {n_guesses}"
    if episode.error is not None:
        return f"error: {episode.error}"
    reason = episode.turns[-1].info.get("end_reason") if episode.turns else None
    return f"not solved: {reason or episode.stop_reason}"


def _has_board(record: Record) -> bool:
    """Whether these are rows of coloured letters, as Wordle has them."""
    scored = [(str(guess), str(marks)) for guess, marks in record.rows if marks]
    return bool(scored) and all(len(g) == len(m) and set(m) <= set("GYX") for g, m in scored)


def _printable(text: str) -> str:
    """`text` without control characters, which models can emit and terminals obey."""
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in text)


def _on_one_line(text: str) -> str:
    return _printable(" ".join(text.split()))
