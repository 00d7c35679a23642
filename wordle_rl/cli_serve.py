"""`wordle-rl serve`: results, games and play in the browser, for this machine alone by default."""

from __future__ import annotations

from pathlib import Path
from threading import Thread

import click

from wordle_rl.cli_options import STORE
from wordle_rl.errors import ConfigError

LOOPBACK = ("127.0.0.1", "localhost", "::1")
OPPONENTS = ("solver", "random-consistent", "nano")


@click.command()
@STORE
@click.option(
    "--agent",
    "agents",
    multiple=True,
    metavar="NAME",
    help=f"Who can be played against; repeatable. By default {', '.join(OPPONENTS)}.",
)
@click.option(
    "--runs",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("runs"),
    show_default=True,
    help="Where the runs are, for learning curves.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option("--port", default=8765, show_default=True, type=click.IntRange(0, 65535))
@click.option("--device", default="auto", show_default=True, help="Where an agent's model runs.")
def serve(
    store: Path, agents: tuple[str, ...], runs: Path, host: str, port: int, device: str
) -> None:
    """Show the leaderboard, agents and games, and play against an agent, in the browser.

    Nobody but this machine can reach it unless --host says so; the page loads nothing from
    elsewhere. Needs pip install 'wordle-rl[web]'.
    """
    try:
        import uvicorn

        from wordle_rl.evaluation.web import LOCAL_HOSTS, create_app
    except ImportError as error:
        raise ConfigError(
            f"wordle-rl serve needs {error.name}: pip install 'wordle-rl[web]'"
        ) from None
    from wordle_rl.agents.base import Agent
    from wordle_rl.agents.loading import load_agent
    from wordle_rl.evaluation.game_replay import prepare
    from wordle_rl.evaluation.store import Store

    def load(name: str) -> Agent:
        return load_agent(name, device=device)

    Store(store).close()  # one that cannot be used says so now
    is_local = host in LOOPBACK
    app = create_app(
        store,
        runs=runs,
        agents=agents or OPPONENTS,
        load=load,
        hosts=LOCAL_HOSTS if is_local else ("*",),
    )
    if not is_local:
        click.echo(f"anyone who reaches {host} can look and play: there is no password", err=True)
    Thread(target=prepare, daemon=True).start()
    click.echo(f"http://{f'[{host}]' if ':' in host else host}:{port} (Ctrl-C stops)", err=True)
    uvicorn.run(app, host=host, port=port, log_level="warning")
