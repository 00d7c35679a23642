"""`wordle-rl leaderboard`: who is how good, from a store of results; results in and out.

Results go to standard output, what was taken in or refused to standard error. Everything heavy is
imported when the command runs.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wordle_rl.cli_options import STORE

if TYPE_CHECKING:
    from wordle_rl.evaluation.games import Mode
    from wordle_rl.evaluation.leaderboard import Board
    from wordle_rl.evaluation.store import Store

FORMS = ("jsonl", "lm-eval", "inspect")
Shape = tuple[bool, bool, Path | None]
"""As JSON, as markdown, as a page in a file."""


@click.command()
@STORE
@click.option(
    "--suite",
    "suites",
    multiple=True,
    help="Only this suite; repeatable. By default all that have results.",
)
@click.option(
    "--mode",
    type=click.Choice(["greedy", "sampled"]),
    default="greedy",
    show_default=True,
    help="Which games count.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
@click.option("--markdown", is_flag=True, help="Print markdown tables.")
@click.option(
    "--html",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write one page that works offline.",
)
@click.option(
    "--import",
    "sources",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Take in another store, or JSON lines; repeatable.",
)
@click.option("--export", type=click.Path(path_type=Path), help="Write the results there.")
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMS),
    default="jsonl",
    show_default=True,
    help="Of --export: one file of JSON lines, or a folder for lm-eval or Inspect.",
)
def leaderboard(
    store: Path,
    suites: tuple[str, ...],
    mode: str,
    as_json: bool,
    markdown: bool,
    html: Path | None,
    sources: tuple[Path, ...],
    export: Path | None,
    form: str,
) -> None:
    """Rank the agents of a store on each suite, with 95 % intervals.

    Agents that a paired test on the same secrets cannot tell apart are tied. `wordle-rl evaluate`
    records results; --import takes in those of other machines, as often as you like.
    """
    from wordle_rl.evaluation.store import Store

    with Store(store) as results:
        refused = _take_in(results, sources)
        if export is not None:
            _write_out(results, suites, export, form)
        shape = (as_json, markdown, html)
        if any(shape) or not (sources or export):
            _show(results, suites, mode, shape)
    if refused:
        raise click.exceptions.Exit(1)


def _take_in(store: Store, sources: tuple[Path, ...]) -> int:
    """Import; returns how many results were refused, each with a line that says why."""
    failed = 0
    for source in sources:
        new, known, refused = store.merge(source)
        for line in refused:
            click.echo(f"refused: {line}", err=True)
        click.echo(f"{source}: {new} new results, {known} known, {len(refused)} refused", err=True)
        failed += len(refused)
    return failed


def _write_out(store: Store, suites: tuple[str, ...], out: Path, form: str) -> None:
    from wordle_rl.evaluation.exports import export
    from wordle_rl.evaluation.leaderboard import check_played
    from wordle_rl.evaluation.store import whole_results

    check_played(store, suites)
    written = export(whole_results(store, suites), out, form)
    click.echo(f"{written} results in {out}", err=True)


def _show(store: Store, suites: tuple[str, ...], mode: str, shape: Shape) -> None:
    from wordle_rl.evaluation.leaderboard import check_played, suites_played
    from wordle_rl.evaluation.leaderboard import leaderboard as board_of

    check_played(store, suites)
    as_mode: Mode = "sampled" if mode == "sampled" else "greedy"
    boards = [board_of(store, name, as_mode) for name in suites or suites_played(store)]
    as_json, markdown, html = shape
    if html is not None:
        _write_page(boards, html)
    if as_json:
        from wordle_rl.evaluation.board_text import boards_json

        click.echo(json.dumps(boards_json(boards)))
    elif markdown:
        _print_markdown(boards)
    elif html is None:
        _print_tables(boards, store)


def _write_page(boards: list[Board], out: Path) -> None:
    from wordle_rl.evaluation.pages import static_page
    from wordle_rl.run_dir import write_atomically

    out.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(out, static_page(boards))
    click.echo(f"page: {out}", err=True)


def _print_markdown(boards: list[Board]) -> None:
    from wordle_rl.evaluation.board_text import board_markdown, published_markdown
    from wordle_rl.evaluation.published import applies_to

    click.echo("\n\n".join(board_markdown(board) for board in boards))
    if any(applies_to(board.suite) for board in boards):
        click.echo(f"\n{published_markdown()}")


def _print_tables(boards: list[Board], store: Store) -> None:
    from rich.console import Console

    from wordle_rl.evaluation.board_text import board_note, board_table

    console = Console()
    for board in boards:
        console.print(board_table(board))
        console.print(f"{board_note(board)}\n", style="dim", highlight=False, markup=False)
    if not boards:
        click.echo(f"no results in {store.path}: record some with wordle-rl evaluate AGENT")
