"""Tables and the learning curve."""

from io import StringIO

from rich.console import Console
from rich.table import Table

from wordle_rl.evaluation.paired import McNemar, PairedResult
from wordle_rl.evaluation.report import (
    Row,
    comparison_markdown,
    comparison_table,
    paired_table,
    rows_of,
)
from wordle_rl.records import Estimate, EvalReport, PlayReport

NOTHING = Estimate(value=None, low=None, high=None)


def play(
    n: int, wins: Estimate, mean_guesses: Estimate = NOTHING, draws: float = 0.0
) -> PlayReport:
    return PlayReport(
        n=n,
        secrets=n,
        win_rate=wins,
        score=Estimate(value=4.077, low=3.95, high=4.2),
        mean_guesses=mean_guesses,
        histogram={},
        invalid_rate=0.0123,
        invalid_by_kind={},
        repeat_rate=0.0,
        consistency_rate=1.0,
        draw_rate=Estimate(value=draws, low=0.0, high=1.0),
        truncated_rate=0.0,
        errors=0,
    )


ROWS = [
    Row(
        agent="nano",
        split="heldout",
        mode="greedy",
        play=play(
            225,
            Estimate(value=0.6, low=0.387, high=0.781),
            Estimate(value=3.978, low=3.9, high=4.1),
        ),
    ),
    Row(agent="random", split="train", mode="sampled", play=play(900, NOTHING)),
]


def text_of(table: Table, width: int = 100) -> str:
    console = Console(width=width, file=StringIO())
    with console.capture() as capture:
        console.print(table)
    return capture.get()


def test_a_table_shows_rates_with_their_intervals_and_n() -> None:
    text = text_of(comparison_table(ROWS))
    words = text.split()
    for cell in ("nano", "heldout", "greedy", "225", "60.0", "3.98", "4.08", "1.2"):
        assert cell in words
    assert "[38.7, 78.1]" in text
    assert "[3.95, 4.20]" in text


def test_a_table_fits_a_terminal_of_eighty_columns() -> None:
    row = Row(
        agent="runs/a-very-long-name/of-a-run", split="train", mode="greedy", play=ROWS[0].play
    )
    text = text_of(comparison_table([row]), width=80)
    assert max(map(len, text.splitlines())) <= 80
    assert "[38.7, 78.1]" in text
    assert "..." not in text
    assert "…" not in text


def test_a_name_is_never_read_as_markup() -> None:
    row = Row(agent="[bold]run", split="val[20]", mode="greedy", play=ROWS[0].play)
    text = text_of(comparison_table([row]))
    assert "[bold]run" in text
    assert "val[20]" in text


def test_the_same_table_in_markdown() -> None:
    assert comparison_markdown(ROWS).splitlines() == [
        "| agent | split | moves | n | wins | score | guesses | invalid |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: |",
        "| nano | heldout | greedy | 225 | 60.0 % [38.7, 78.1] | 4.08 [3.95, 4.20] | 3.98 "
        "| 1.2 % |",
        "| random | train | sampled | 900 | - | 4.08 [3.95, 4.20] | - | 1.2 % |",
    ]


def test_the_rows_of_a_report_are_what_was_played() -> None:
    greedy, sampled = ROWS[0].play, ROWS[1].play
    both = EvalReport(agent="a", suite="s", suite_hash="h", greedy=greedy, sampled=sampled)
    assert [(row.mode, row.play) for row in rows_of(both, "val")] == [
        ("greedy", greedy),
        ("sampled", sampled),
    ]
    alone = EvalReport(agent="a", suite="s", suite_hash="h", greedy=greedy, sampled=None)
    assert [row.mode for row in rows_of(alone, "val")] == ["greedy"]


def test_differences_show_their_sign() -> None:
    result = PairedResult(
        secrets=225,
        games_a=225,
        games_b=225,
        win_rate=Estimate(value=0.05, low=-0.01, high=0.11),
        score=Estimate(value=-0.25, low=-0.4, high=-0.1),
        mcnemar=McNemar(only_a=20, only_b=9, p_value=0.0614),
    )
    text = text_of(paired_table({"greedy": result}))
    for cell in ("+5.0 %", "[-1.0, +11.0]", "-0.25", "[-0.40, -0.10]", "20", "9", "0.061"):
        assert cell in text


def test_games_for_two_show_draws_in_place_of_scores() -> None:
    row = Row(
        agent="nano",
        split="heldout",
        mode="greedy",
        play=play(200, Estimate(value=0.1, low=0.06, high=0.15), draws=0.9),
    )
    text = text_of(comparison_table([row]))
    assert "90.0 %" in text
    assert "score" not in text
    assert "draws" not in text_of(comparison_table(ROWS))
