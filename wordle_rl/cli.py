"""The command line: finds the command, prints errors as one line.

A command lives in the module of its subject and is imported when it is asked for, so
`wordle-rl --help` loads neither torch nor a game.
"""

from __future__ import annotations

import os
import sys
import traceback
from importlib import import_module
from typing import Any

import click

from wordle_rl import __version__
from wordle_rl.errors import WordleRLError, unknown_name

COMMANDS = {
    "train": ("wordle_rl.cli_train:train", "Train a language model on a game."),
    "experiment": ("wordle_rl.cli_experiment:experiment", "Train several runs, compare them."),
    "pretrain": ("wordle_rl.cli_train:pretrain", "Make nano from nothing by imitation."),
    "evaluate": ("wordle_rl.cli_evaluate:evaluate", "Play a suite and report win rates."),
    "paired": ("wordle_rl.cli_evaluate:paired", "Compare two agents on the same secrets."),
    "leaderboard": ("wordle_rl.cli_leaderboard:leaderboard", "Rank the agents of a store."),
    "serve": ("wordle_rl.cli_serve:serve", "Results, games and play in the browser."),
    "judge-check": ("wordle_rl.cli_judge:judge_check", "Test a judge on games that are known."),
    "preferences": ("wordle_rl.cli_preferences:preferences", "Rank games by how they ended."),
    "rank": ("wordle_rl.cli_preferences:rank", "Say yourself which game was better."),
    "play": ("wordle_rl.cli_play:play", "Play yourself, or watch an agent play."),
    "suggest": ("wordle_rl.cli_solve:suggest", "Help with a puzzle: words left, best guesses."),
    "solve": ("wordle_rl.cli_solve:solve", "Search the best Wordle tree for word lists."),
    "replay": ("wordle_rl.cli_runs:replay", "Look at the recorded games of a run."),
    "report": ("wordle_rl.cli_runs:report", "Write a page about a run."),
    "dataset": ("wordle_rl.cli_runs:dataset", "Write recorded games as chat data."),
    "export": ("wordle_rl.cli_train:export", "Write a run's best model as a model folder."),
    "algos": ("wordle_rl.cli_train:algos", "List the algorithms."),
    "presets": ("wordle_rl.cli_train:presets", "List the presets."),
    "envs": ("wordle_rl.cli_train:envs", "List the games."),
}


INTERRUPTED = 130


class LazyGroup(click.Group):
    """A group whose commands are imported when they run; their help lines stand above."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the nearest command where there is none."""
        if args and args[0] not in COMMANDS:
            raise click.UsageError(str(unknown_name("command", args[0], COMMANDS)), ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; click itself would answer Ctrl-C with exit code 1."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise click.exceptions.Exit(INTERRUPTED) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="wordle-rl")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def cli(debug: bool) -> None:
    """Train language-model agents to play multi-turn text games, and play against them."""


OUT_OF_MEMORY = (
    "out of memory: take a smaller model, fewer games at once or another device (--device cpu); "
    "--debug shows where"
)
"""Where training does not say it better (`training.memory.hint_at_memory`)."""


def main() -> None:
    """Run the command line; exit 2 for wrong usage, 1 for a failure, 130 after Ctrl-C."""
    debug = "--debug" in sys.argv[1:]
    arguments = [a for a in sys.argv[1:] if a != "--debug"]
    sys.path.append(os.getcwd())  # where a user's own `package.module:name` is; last, to hide none
    try:
        cli.main(args=arguments, prog_name="wordle-rl", standalone_mode=True)
    except (WordleRLError, OSError) as error:
        if debug:
            traceback.print_exc()
        click.echo(f"Error: {error}", err=True)
        sys.exit(error.exit_code if isinstance(error, WordleRLError) else 1)
    except RuntimeError as error:  # torch's, which is not imported for this
        if debug or "out of memory" not in str(error):
            raise
        click.echo(f"Error: {OUT_OF_MEMORY}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
