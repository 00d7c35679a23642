"""`wordle-rl play`: play a game, watch an agent play it, or play against one."""

from __future__ import annotations

import secrets
import sys
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import click

from wordle_rl.errors import ConfigError, RunError
from wordle_rl.terminal import clean_exit, forgive_encoding, is_terminal

if TYPE_CHECKING:
    from wordle_rl.play_stats import Book
    from wordle_rl.screen import Screen
    from wordle_rl.seats import Setup

AGENT_DELAY_S = 0.6
"""Time to read an agent's move before the next one."""


@click.command()
@click.option("--agent", "agent_name", metavar="NAME", help="Watch this agent play.")
@click.option("--versus", is_flag=True, help="Play against the agent, on the same secret.")
@click.option("--env", "env_id", default="wordle", show_default=True, help="The game.")
@click.option(
    "--opponent",
    metavar="NAME",
    help="In a game for two: random, greedy, perfect, agent:NAME (its best moves), sampled:NAME, "
    "or package.module:name.",
)
@click.option(
    "--option",
    "options",
    multiple=True,
    metavar="KEY=VALUE",
    help="Of the game, such as hi=1000 or seat=1; repeatable. `wordle-rl envs` lists them.",
)
@click.option("--secret", metavar="WORD", help="Play this word.")
@click.option(
    "--daily",
    is_flag=False,
    flag_value="today",
    metavar="[DATE]",
    help="The word of today, or of a day as 2026-11-26; the same for everybody.",
)
@click.option("--hard", is_flag=True, help="Hints that were found must be used.")
@click.option("--seed", type=click.IntRange(min=0), help="Which word; a new one by default.")
@click.option(
    "--split",
    type=click.Choice(["train", "val", "test", "all"]),
    help="Which words can be the secret; all of them by default.",
)
@click.option(
    "--games", type=click.IntRange(min=1), default=1, show_default=True, help="Games to watch."
)
@click.option(
    "--delay",
    "delay_s",
    type=click.FloatRange(min=0, max=60),
    help="Seconds between an agent's moves; 0.6 on a terminal by default, else 0.",
)
@click.option("--stats", is_flag=True, help="Show your own statistics, and play nothing.")
@click.option("--contrast", is_flag=True, help="Orange and blue instead of green and yellow.")
@click.option("--device", default="auto", show_default=True, help="Where the agent's model runs.")
def play(
    agent_name: str | None,
    versus: bool,
    env_id: str,
    opponent: str | None,
    options: tuple[str, ...],
    secret: str | None,
    daily: str | None,
    hard: bool,
    seed: int | None,
    split: str | None,
    games: int,
    delay_s: float | None,
    stats: bool,
    contrast: bool,
    device: str,
) -> None:
    """Play a game in the terminal, watch an agent play, or play against one.

    Type a word to guess it, in Wordle ? for the number of words left and ? again for one of them,
    quit to stop. A word that is also a command is played in brackets: [quit]. Ctrl-C stops at any
    time. Games at a terminal count in your own statistics, unless --secret or --seed chose the word
    or an option changed the rules.
    Before each move of a model that answers with a word, its likeliest answers are listed.
    """
    _check_flags(agent_name, versus=versus, games=games)
    if daily is not None:
        _check_daily(options, secret=secret, seed=seed, split=split, games=games)
    with clean_exit():
        from wordle_rl.play_stats import Book, stats_path

        screen = _open_screen(contrast, typing=agent_name is None or versus)
        book = Book(stats_path())
        if stats:
            _show_stats(book, screen)
            return
        setup = _setup(
            env_id,
            options=_read_options(options, opponent),
            secret=secret,
            daily=daily,
            seed=seed,
            split=split,
            hard=hard,
        )
        # A word that was chosen can be known, and who types into a pipe may be no person.
        counts = not setup.options and (secret, seed) == (None, None) and is_terminal(sys.stdin)
        _play(setup, agent_name, screen, versus, games, delay_s, device, book if counts else None)


def _setup(
    env_id: str,
    *,
    options: dict[str, Any],
    secret: str | None,
    daily: str | None,
    seed: int | None,
    split: str | None,
    hard: bool,
) -> Setup:
    """What is played; the word of a day in place of a secret where one is asked for."""
    from wordle_rl.envs.daily import daily_word
    from wordle_rl.seats import Setup

    setup = Setup(
        env_id=env_id,
        seed=secrets.randbelow(2**31) if seed is None else seed,
        options=options,
        secret=secret,
        split=split,
        hard=hard,
    )
    if daily is None:
        return setup
    if not setup.is_wordle:
        raise ConfigError(f"--daily is for Wordle, not for {env_id!r}")
    day = _read_day(daily)
    return replace(setup, day=day, secret=daily_word(day, setup.make_env().public()["answers"]))


def _read_options(given: tuple[str, ...], opponent: str | None) -> dict[str, Any]:
    """The game's options of `KEY=VALUE` strings, and its opponent."""
    from wordle_rl.config import apply_overrides

    options = apply_overrides({}, given, flag="--option")
    if opponent is not None and options.setdefault("opponent", opponent) != opponent:
        raise ConfigError(
            f"--opponent {opponent!r} and --option opponent={options['opponent']!r}: leave one out"
        )
    return options


def _read_day(text: str) -> date:
    """A date that is not in the future."""
    today = date.today()
    try:
        day = today if text == "today" else date.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"--daily {text!r} is no date: write it as {today}") from None
    if day > today:
        raise ConfigError(f"--daily {text!r} is in the future: its word is not out yet")
    return day


def _show_stats(book: Book, screen: Screen) -> None:
    from wordle_rl.play_result import show_stats

    try:
        show_stats(book, screen)
    except OSError as error:
        raise RunError(f"the statistics cannot be read: {error}") from None


def _play(
    setup: Setup,
    agent_name: str | None,
    screen: Screen,
    versus: bool,
    games: int,
    delay_s: float | None,
    device: str,
    book: Book | None,
) -> None:
    from wordle_rl import play_session
    from wordle_rl.agents.loading import load_agent

    if delay_s is None:
        delay_s = AGENT_DELAY_S if is_terminal(sys.stdout) else 0.0
    agent = None
    if agent_name is not None:
        with screen.console.status(f"Loading {agent_name}"):
            agent = load_agent(agent_name, device=device)
    if not setup.is_wordle:
        if versus or games > 1:
            raise ConfigError(f"--versus and --games are for Wordle, not for {setup.env_id!r}")
        play_session.play_text(setup, agent, screen, delay_s=delay_s)
    elif agent is None:
        play_session.play_alone(setup, screen, book=book)
    elif versus:
        play_session.play_versus(setup, agent, screen, delay_s=delay_s, book=book)
    else:
        play_session.watch(setup, agent, screen, games=games, delay_s=delay_s)


def _check_daily(
    options: tuple[str, ...],
    *,
    secret: str | None,
    seed: int | None,
    split: str | None,
    games: int,
) -> None:
    for option in options:
        raise ConfigError(f"--option {option!r}: leave it out, --daily is one game for everybody")
    given = {"--secret": secret, "--seed": seed, "--split": split}
    given["--games"] = None if games == 1 else games
    for flag, value in given.items():
        if value is not None:
            raise ConfigError(f"{flag} {value!r} and --daily both say which word: leave one out")


def _check_flags(agent_name: str | None, *, versus: bool, games: int) -> None:
    if versus and agent_name is None:
        raise ConfigError("--versus needs an opponent: add --agent NAME")
    if games > 1 and (agent_name is None or versus):
        raise ConfigError("--games is for watching: use it with --agent NAME, without --versus")


def _open_screen(contrast: bool, *, typing: bool) -> Screen:
    """The screen on standard output.

    What a person at a terminal plays is redrawn in place; what is watched or piped is added to.
    """
    from rich.console import Console

    from wordle_rl.evaluation.replay import look_for
    from wordle_rl.screen import Screen

    forgive_encoding()
    console = Console(highlight=False, markup=False, emoji=False)
    in_place = is_terminal(sys.stdin) and is_terminal(sys.stdout) and console.is_interactive
    return Screen(console, look_for(console, contrast=contrast), redraw=typing and in_place)
