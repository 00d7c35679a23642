"""`wordle-rl solve` and `suggest`: the best play for word lists, and help with a puzzle."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wordle_rl.errors import ConfigError, RunError

if TYPE_CHECKING:
    from wordle_rl.agents.suggestions import Advice, Row
    from wordle_rl.agents.word_tree import WordTree
    from wordle_rl.envs.lexicon import Lexicon

FILE = click.Path(dir_okay=False, path_type=Path)
answers_option = click.option(
    "--answers", type=FILE, help="Words that can be the secret, one a line; else the packaged ones."
)
guesses_option = click.option(
    "--guesses", type=FILE, help="Words that may be played, one a line; else the packaged ones."
)


@click.command()
@answers_option
@guesses_option
@click.option("--hard", is_flag=True, help="Keep to the rules of hard mode.")
@click.option("--openers", default=60, show_default=True, type=click.IntRange(min=1))
@click.option("--finalists", default=6, show_default=True, type=click.IntRange(min=1))
@click.option(
    "--width",
    default=40,
    show_default=True,
    type=click.IntRange(min=1),
    help="Guesses tried at every step; openers are chosen with 4.",
)
@click.option("--out", required=True, type=FILE, help="Where the tree goes; play it as tree:PATH.")
def solve(
    answers: Path | None,
    guesses: Path | None,
    hard: bool,
    openers: int,
    finalists: int,
    width: int,
    out: Path,
) -> None:
    """Search the Wordle tree with the fewest guesses for a pair of lists, and write it.

    The --openers with the most answers are tried with a narrow beam, the --finalists among them
    with a beam of --width. Then every word is played through the game by the tree that was written.
    """
    from wordle_rl.agents.solver import planner_for
    from wordle_rl.agents.tree_search import Effort, grow_tree
    from wordle_rl.agents.word_tree import tree_text
    from wordle_rl.envs.lexicon import open_lexicon
    from wordle_rl.run_dir import write_atomically

    def show(stage: str, opener: str, cost: int | None) -> None:
        click.echo(f"{stage} {opener}: {_found(cost, len(lexicon.all_answers))}", err=True)

    lexicon = open_lexicon(answers, guesses)
    tree = grow_tree(
        planner_for(lexicon.guesses, lexicon.all_answers),
        Effort(openers=openers, finalists=finalists, width=width),
        hard_mode=hard,
        on_opener=show,
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(out, tree_text(tree))
    played = _play_all(out, lexicon, hard, max_guesses=max(tree.histogram))
    if played != tree.histogram:
        raise RunError(f"the tree says {tree.histogram}, its games came to {played}")
    click.echo(_summary(tree, out))


def _found(cost: int | None, words: int) -> str:
    """What an opener needs, in a few words."""
    from wordle_rl.agents.beam import LOSS

    if cost is None:
        return "no better"
    if cost >= LOSS:
        return f"{cost // LOSS} words lost"
    return f"{cost} guesses, {cost / words:.4f} on average"


def _play_all(path: Path, lexicon: Lexicon, hard: bool, *, max_guesses: int) -> dict[int, int]:
    """Every secret through the game: words by the number of guesses that found them."""
    from wordle_rl.agents.tree_agent import PREFIX, TreeAgent
    from wordle_rl.envs.wordle import WordleEnv
    from wordle_rl.records import Task
    from wordle_rl.rollout import play_games

    words = lexicon.all_answers
    episodes = play_games(
        TreeAgent(f"{PREFIX}{path}"),
        [Task(env_id="wordle", task_id=w, seed=0, options={"secret": w}) for w in words],
        make_env=lambda _: WordleEnv(
            word_length=len(words[0]),
            max_guesses=max_guesses,
            answers=words,
            guesses=lexicon.guesses,
            hard_mode=hard,
        ),
        temperature=0.0,
        seeds=[0] * len(words),
    )
    lengths = Counter(len(e.turns) for e in episodes if e.solved)
    return dict(sorted(lengths.items()))


def _summary(tree: WordTree, out: Path) -> str:
    spread = ", ".join(f"{n}: {words}" for n, words in tree.histogram.items())
    return (
        f"{len(tree.paths)} words, {tree.total} guesses, {tree.mean:.4f} on average ({spread})\n"
        f"every word was played through the game; the tree is in {out}"
    )


@click.command()
@click.argument("rows", nargs=-1, metavar="[GUESS:COLOURS]...")
@answers_option
@guesses_option
@click.option("--hard", is_flag=True, help="Suggest only what hard mode allows.")
@click.option(
    "--words",
    "n_words",
    default=20,
    show_default=True,
    type=click.IntRange(min=0),
    help="Words left that are shown.",
)
@click.option(
    "--top", default=5, show_default=True, type=click.IntRange(1, 50), help="Guesses suggested."
)
@click.option("-i", "--interactive", is_flag=True, help="Read further rows, one a line.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
def suggest(
    rows: tuple[str, ...],
    answers: Path | None,
    guesses: Path | None,
    hard: bool,
    n_words: int,
    top: int,
    interactive: bool,
    as_json: bool,
) -> None:
    """Help with a puzzle: the words still possible and the best next guesses.

    Write each row as crane:XXYGX: G for green, Y for yellow, X for gray. Coloured squares do too.
    """
    from wordle_rl.agents.suggestions import advise, read_row
    from wordle_rl.envs.lexicon import open_lexicon

    lexicon = open_lexicon(answers, guesses)

    def answer(board: list[Row]) -> None:
        advice = advise(lexicon, board, hard_mode=hard, n=top)
        if as_json:
            click.echo(json.dumps(asdict(advice)))
        else:
            _print_advice(advice, n_words)

    board = [read_row(row) for row in rows]
    answer(board)
    if interactive:
        _read_on(board, answer)


def _read_on(board: list[Row], answer: Callable[[list[Row]], None]) -> None:
    """Rows from standard input until it ends; one that is wrong is explained and left out."""
    from wordle_rl.agents.suggestions import read_row

    for line in sys.stdin:
        if not line.strip():
            continue
        try:
            row = read_row(line.strip())
            answer([*board, row])
        except ConfigError as error:
            click.echo(f"Error: {error}", err=True)
        else:
            board.append(row)


def _print_advice(advice: Advice, n_words: int) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    what = "answers" if advice.on_list else "legal words, none of them an answer of the list,"
    console.print(f"{len(advice.left)} {what} fit, and {advice.others} rarer legal words")
    if shown := advice.left[:n_words]:
        console.print(" ".join(shown) + (" ..." if len(advice.left) > n_words else ""), style="dim")
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("next guess")
    for name in ("can be it", "bits", "words left", "guesses to go"):
        table.add_column(name, justify="right")
    for best in advice.suggestions:
        table.add_row(
            best.word,
            "yes" if best.fits else "no",
            f"{best.bits:.2f}",
            f"{best.expected_left:.1f}",
            "-" if best.guesses is None else f"{best.guesses:.2f}",
        )
    console.print(table)
