"""What stands below a comparison: every measure once, and nothing that was not measured."""

from io import StringIO

from rich.console import Console

from tests.test_metrics import game, lost
from wordle_rl.evaluation.details import MEASURES, details_table, gap_line, hardest_line
from wordle_rl.evaluation.gap import Gap
from wordle_rl.evaluation.metrics import play_report
from wordle_rl.evaluation.report import Row
from wordle_rl.evaluation.yardstick import Yardstick
from wordle_rl.records import Estimate

GAMES = [game("aback", 3, sample=0), lost("aback", 1), lost("abase", 0), lost("abase", 1)]


def row(held_against: Yardstick | None = None) -> Row:
    play = play_report(GAMES, max_guesses=6, held_against=held_against)
    return Row(agent="nano", split="val", mode="sampled", play=play)


def text_of(rows: list[Row], width: int = 80) -> str:
    console = Console(width=width, file=StringIO())
    with console.capture() as capture:
        console.print(details_table(rows))
    return capture.get()


def test_every_measure_has_its_line() -> None:
    text = text_of([row(Yardstick(best_known={"aback": 2, "abase": 3}))])
    missing = [name for name in MEASURES if name.strip() not in text]
    assert missing == ["bits an action", "regret an action"]
    assert "pass@2" in text
    assert "+3.50" in text


def test_what_was_not_measured_has_no_line() -> None:
    assert "regret" not in text_of([row()])


def test_four_ways_of_playing_fit_a_terminal() -> None:
    text = text_of([row()] * 4)
    assert max(map(len, text.splitlines())) <= 80
    assert "[" in text
    assert "…" not in text


def test_the_hardest_secrets_with_the_best_known_play() -> None:
    line = hardest_line(row(Yardstick(best_known={"aback": 2})))
    assert line == "hardest, val sampled: abase 7, aback 5 (best 2)"


def test_a_gap_in_a_line() -> None:
    gap = Gap(
        win_rate=Estimate(value=0.05, low=-0.01, high=0.11),
        score=Estimate(value=-0.25, low=-0.4, high=-0.1),
    )
    assert gap_line("greedy", gap) == (
        "generalisation gap, greedy: wins +5.0 % [-1.0, +11.0], "
        "score -0.25 [-0.40, -0.10] (train minus held-out)"
    )
