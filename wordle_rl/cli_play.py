"""`wordle-rl play`: play a game, watch an agent play it, or play against one."""

from __future__ import annotations

import secrets
import sys
from typing import TYPE_CHECKING

import click

from wordle_rl.errors import ConfigError
from wordle_rl.terminal import clean_exit, forgive_encoding, is_terminal

if TYPE_CHECKING:
    from wordle_rl.play_session import Screen, Setup

AGENT_DELAY_S = 0.6
"""Time to read an agent's move before the next one."""


@click.command()
@click.option("--agent", "agent_name", metavar="NAME", help="Watch this agent play.")
@click.option("--versus", is_flag=True, help="Play against the agent, on the same secret.")
@click.option("--env", "env_id", default="wordle", show_default=True, help="The game.")
@click.option("--secret", metavar="WORD", help="Play this word.")
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
@click.option("--contrast", is_flag=True, help="Orange and blue instead of green and yellow.")
@click.option("--device", default="auto", show_default=True, help="Where the agent's model runs.")
def play(
    agent_name: str | None,
    versus: bool,
    env_id: str,
    secret: str | None,
    hard: bool,
    seed: int | None,
    split: str | None,
    games: int,
    delay_s: float | None,
    contrast: bool,
    device: str,
) -> None:
    """Play a game in the terminal, watch an agent play, or play against one.

    Type a word to guess it, ? for the number of words left and ? again for one of them, quit to
    stop. A word that is also a command is played in brackets: [quit]. Ctrl-C stops at any time.
    """
    _check_flags(agent_name, versus=versus, games=games)
    if delay_s is None:
        delay_s = AGENT_DELAY_S if is_terminal(sys.stdout) else 0.0
    with clean_exit():
        from wordle_rl.play_session import Setup

        setup = Setup(
            env_id=env_id,
            seed=secrets.randbelow(2**31) if seed is None else seed,
            secret=secret,
            split=split,
            hard=hard,
        )
        screen = _open_screen(contrast, typing=agent_name is None or versus)
        _play(setup, agent_name, screen, versus, games, delay_s, device)


def _play(
    setup: Setup,
    agent_name: str | None,
    screen: Screen,
    versus: bool,
    games: int,
    delay_s: float,
    device: str,
) -> None:
    from wordle_rl import play_session
    from wordle_rl.agents.loading import load_agent

    agent = None
    if agent_name is not None:
        with screen.console.status(f"Loading {agent_name}"):
            agent = load_agent(agent_name, device=device)
    if not setup.is_wordle:
        if versus or games > 1:
            raise ConfigError(f"--versus and --games are for Wordle, not for {setup.env_id!r}")
        play_session.play_text(setup, agent, screen, delay_s=delay_s)
    elif agent is None:
        play_session.play_alone(setup, screen)
    elif versus:
        play_session.play_versus(setup, agent, screen, delay_s=delay_s)
    else:
        play_session.watch(setup, agent, screen, games=games, delay_s=delay_s)


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
    from wordle_rl.play_session import Screen

    forgive_encoding()
    console = Console(highlight=False, markup=False, emoji=False)
    in_place = is_terminal(sys.stdin) and is_terminal(sys.stdout) and console.is_interactive
    return Screen(console, look_for(console, contrast=contrast), redraw=typing and in_place)
