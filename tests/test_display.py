"""The trainer's display, plain and live."""

import inspect
import math
import re
from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console
from rich.style import Style

from tests.played import LOST, OTHER_GAME, TASK, WON
from wordle_rl.evaluation.replay import CLASSIC
from wordle_rl.records import EpisodeGroup, StepRecord
from wordle_rl.training import collapse
from wordle_rl.training.display import GAUGES, TrainDisplay, sparkline
from wordle_rl.training.rollout_metrics import rollout_metrics


def console(width: int = 80, height: int = 24, *, live: bool = True, **more: bool) -> Console:
    return Console(
        file=StringIO(),
        width=width,
        height=height,
        force_terminal=live,
        force_interactive=live,
        color_system="truecolor" if live else None,
        no_color=more.get("no_color", False),
        legacy_windows=False,
    )


def written(target: Console) -> str:
    assert isinstance(target.file, StringIO)
    return target.file.getvalue()


def view(display: TrainDisplay, width: int = 80, height: int = 24) -> list[str]:
    """The lines of the view as it is now, without colours."""
    screen = console(width, height, live=False)
    screen.print(display)
    return written(screen).splitlines()


def grpo(step: int, **more: float) -> StepRecord:
    metrics = {
        "rollout/win_rate": step / 100,
        "rollout/reward": step / 50,
        "rollout/groups_mixed": 0.62,
        "rollout/invalid_rate": 0.04,
        "rollout/groups_all_won": 0.25,
        "rollout/groups_all_lost": 0.125,
        "train/loss": -0.0125,
        "train/entropy": 0.75,
        "train/sampler_kl": 0.00021,
        "train/grad_norm": 1.5,
        "time/step_s": 2.0,
    }
    return StepRecord(step=step, metrics=metrics | more)


VALIDATED = {
    "eval/greedy_win_rate": 0.625,
    "eval/greedy_low": 0.5625,
    "eval/greedy_high": 0.6875,
    "eval/greedy_score": 4.5,
}


def display_of(target: Console, total_steps: int = 25) -> TrainDisplay:
    return TrainDisplay(total_steps, title="train nano", console=target, games_per_step=512)


# --- plain lines


def test_a_pipe_gets_a_line_for_the_first_step_every_tenth_evaluations_and_the_last() -> None:
    target = console(40, live=False)
    with display_of(target) as display:
        for step in range(1, 26):
            display.phase("playing")
            display.step(grpo(step, **VALIDATED) if step == 15 else grpo(step))
            display.game(WON)
    lines = written(target).splitlines()
    assert lines[0] == "train nano: 25 steps of 512 games"
    assert [line.split(" | ")[0] for line in lines[1:]] == [
        "step 1/25",
        "step 10/25",
        "step 15/25",
        "step 20/25",
        "step 25/25",
    ]
    assert lines[3] == (
        "step 15/25 | win rate 15.0% | reward 0.300 | validation 62.5% | "
        "95% interval 56.2% - 68.8% | best so far 62.5% (step 15) | groups mixed 62% | "
        "all won / lost 25% / 12% | refused 4.0% | loss -0.0125 | entropy 0.750 | grad norm 1.5 | "
        "games/s 256.0 | ETA 0:20"
    )
    assert "validation" not in lines[4], "an old measurement is not a new one"
    assert written(target).isascii()
    assert "\x1b" not in written(target)


def test_no_color_on_a_terminal_gives_plain_lines_without_control_codes() -> None:
    target = console(no_color=True)
    with display_of(target) as display:
        display.step(grpo(1))
        display.warn("entropy: low")
    assert written(target).splitlines()[1].startswith("step 1/25 | win rate 1.0% | ")
    assert written(target).splitlines()[2] == "warning at step 1: entropy: low"
    assert "\x1b" not in written(target)


def test_imitation_shows_its_own_numbers_and_leaves_out_the_rest() -> None:
    target = console(live=False)
    metrics = {"train/loss": 1.5, "train/grad_norm": 0.5, "train/games": 5120.0, "time/step_s": 4.0}
    with display_of(target, 20) as display:
        display.step(StepRecord(step=10, metrics=metrics))
        display.step(StepRecord(step=11, metrics=metrics | {"eval/greedy_win_rate": 0.5}))
        display.step(StepRecord(step=12, metrics={"eval/greedy_win_rate": 0.25}))
    assert written(target).splitlines()[1:] == [
        "step 10/20 | loss 1.5000 | grad norm 0.5 | games 5,120 | games/s 128.0 | ETA 0:40",
        "step 11/20 | validation 50.0% | best so far 50.0% (step 11) | loss 1.5000 | grad norm 0.5"
        " | games 5,120 | games/s 128.0 | ETA 0:36",
        "step 12/20 | validation 25.0% | best so far 50.0% (step 11) | ETA 0:32",
    ]


def test_a_run_resumed_between_lines_starts_with_a_line() -> None:
    target = console(live=False)
    with display_of(target) as display:
        display.resume([{"step": 3, **grpo(3).metrics}, {"step": 4, **grpo(4).metrics}])
        display.step(grpo(5))
        display.step(grpo(6))
    assert [line[:9] for line in written(target).splitlines()] == ["train nan", "step 5/25"]


def test_a_warning_of_a_kind_comes_back_after_ten_steps() -> None:
    target = console(live=False)
    with display_of(target, 40) as display:
        for step in range(1, 22):
            display.step(grpo(step))
            display.warn(f"entropy: {step} nats")
            if step == 3:
                display.warn("gradient norm: 99")
    warnings = [line for line in written(target).splitlines() if line.startswith("warning")]
    assert warnings == [
        "warning at step 1: entropy: 1 nats",
        "warning at step 3: gradient norm: 99",
        "warning at step 11: entropy: 11 nats",
        "warning at step 21: entropy: 21 nats",
    ]


# --- the live view


def filled(target: Console) -> TrainDisplay:
    display = display_of(target)
    for step in range(1, 9):
        display.step(grpo(step))
    display.step(grpo(9, **VALIDATED))
    display.step(grpo(10))
    display.phase("playing 512 games")
    display.game(WON)
    return display


def test_at_80_columns_the_game_is_beside_the_numbers() -> None:
    display = filled(console())
    display.warn("entropy: 0.001 nats a token; do this")
    lines = view(display)
    assert re.fullmatch(r"train nano +playing 512 games", lines[0].rstrip())
    assert lines[1].endswith("10/25  0:00  ETA 0:30")
    assert re.fullmatch(r"win rate +10\.0% +\S{10} + s  t  a  r  e", lines[3].rstrip())
    assert re.fullmatch(r"reward +0\.200 +\S{10} + m  O  U  N  D", lines[4].rstrip())
    assert "solved in 3: POUND" in lines[6]
    assert any(re.match(r"validation +62\.5% ", line) for line in lines), "kept until the next"
    assert any(re.match(r"best so far +62\.5% \(step 9\)", line) for line in lines)
    assert lines[-1].rstrip() == "step 10: entropy: 0.001 nats a token; do this"
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80


def test_at_40_columns_everything_is_below_one_another_and_fits() -> None:
    lines = view(filled(console()), 40)
    assert max(map(len, lines)) <= 40
    assert len(lines) <= 24
    for gauge in GAUGES:
        if gauge.label not in ("games", "pairs right", "margin", "held-out pairs"):
            assert any(line.startswith(gauge.label) for line in lines), gauge.label
    assert "solved in 3: POUND" in lines[-1]


def test_a_low_narrow_terminal_gives_up_the_game_before_the_warnings() -> None:
    display = filled(console())
    display.warn("entropy: low")
    lines = view(display, 40, 17)
    assert len(lines) <= 17
    assert not any("POUND" in line for line in lines)
    assert lines[-1].rstrip() == "step 10: entropy: low"


def test_the_newest_warning_of_each_kind_is_shown_three_at_most() -> None:
    display = filled(console())
    for kind in ("one", "two", "three", "four"):
        display.warn(f"{kind}: first")
    display.warn("two: again")
    lines = [line.rstrip() for line in view(display)]
    assert lines[-3:] == ["step 10: three: first", "step 10: four: first", "step 10: two: again"]
    assert not any("one: first" in line for line in lines)


def test_a_view_before_the_first_step_knows_no_eta() -> None:
    lines = view(display_of(console(), total_steps=0))
    assert lines[1].rstrip().endswith("0/0  0:00  ETA -:--")


def test_a_step_without_a_duration_divides_by_nothing() -> None:
    display = display_of(console())
    display.step(StepRecord(step=1, metrics={"rollout/win_rate": 0.5, "time/step_s": 0.0}))
    display.step(
        StepRecord(step=2, metrics={"rollout/win_rate": 0.5, "time/step_s": 1, "time/eval_s": 1})
    )
    lines = view(display)
    assert not any("games/s" in line for line in lines)
    assert lines[1].endswith("ETA 0:23")


def test_the_eta_forgets_the_first_step_and_what_is_long_ago() -> None:
    display = display_of(console(), total_steps=100)
    display.step(StepRecord(step=1, metrics={"time/step_s": 100.0}))
    assert view(display)[1].endswith("ETA 2:45:00")
    display.step(StepRecord(step=2, metrics={"time/step_s": 2.0}))
    assert view(display)[1].endswith("ETA 3:16")
    for step in range(3, 51):
        display.step(StepRecord(step=step, metrics={"time/step_s": 1.0}))
    assert view(display)[1].endswith("ETA 0:50")


def test_the_best_validation_outlives_a_worse_one_and_a_resumed_run() -> None:
    display = display_of(console())
    display.resume([{"step": 5, "eval/greedy_win_rate": 0.5, "eval/greedy_score": 4.0}])
    display.step(StepRecord(step=10, metrics={"eval/greedy_win_rate": 0.4}))
    assert any("50.0% (step 5)" in line for line in view(display))
    tie = {"eval/greedy_win_rate": 0.5, "eval/greedy_score": 3.5}
    display.step(StepRecord(step=15, metrics=tie))
    display.step(StepRecord(step=20, metrics=tie))
    assert any("50.0% (step 15)" in line for line in view(display)), "a tie goes to the score"


def test_the_live_view_draws_colours_and_gives_the_cursor_back() -> None:
    target = console()
    with filled(target) as display:
        display.warn("entropy: low")
    display.close()
    output = written(target)
    assert output.startswith("\x1b[?25l")
    assert output.count("\x1b[?25l") == output.count("\x1b[?25h") == 1
    assert "\x1b[33mstep 10: entropy: low\x1b[0m" in output
    assert Style.parse(CLASSIC.styles["G"]).render(" P ") in output
    assert "playing 512 games" not in output.rsplit("train nano", 1)[1], "nothing goes on any more"


def test_the_cursor_comes_back_when_training_fails() -> None:
    target = console()
    with pytest.raises(KeyboardInterrupt), filled(target):
        raise KeyboardInterrupt
    assert written(target).count("\x1b[?25h") == 1


def test_steps_do_not_draw() -> None:
    target = console()
    with display_of(target, 100_000) as display:
        for step in range(1, 2001):
            display.step(grpo(step))
            display.game(WON)
    assert written(target).count("train nano") < 20


def test_what_a_model_says_in_another_game_is_shown_without_its_control_codes() -> None:
    display = display_of(console())
    display.game(OTHER_GAME)
    lines = [line.rstrip() for line in view(display, 40)]
    assert lines[-2:] == ["> It is ?[31m 4", "solved in 1"]


def test_a_terminal_without_unicode_gets_no_blocks() -> None:
    class Latin(StringIO):
        encoding = "latin-1"

    target = Console(file=Latin(), width=80, color_system=None)
    target.print(filled(console()))
    shown = written(target)
    assert shown.strip()
    assert shown.encode("latin-1").decode("latin-1") == shown


@pytest.mark.parametrize(
    ("values", "width", "expected"),
    [
        ([], 5, ""),
        ([1.0, 2.0], 0, ""),
        ([math.nan, 1.0, math.inf, 2.0], 5, "▁█"),
        ([0, 0, 0, 7, 7, 7, 3, 4], 4, "▁▅█▅"),
        ([5, 4, 3], 9, "█▅▁"),
    ],
)
def test_sparkline(values: list[float], width: int, expected: str) -> None:
    assert sparkline(values, width) == expected


def test_what_the_display_and_the_warnings_read_is_what_the_rollout_logs() -> None:
    last = LOST.turns[-1]
    for_two = replace(last, info={**last.info, "outcome": "draw"})
    drawn = replace(LOST, turns=(*LOST.turns[:-1], for_two))
    logged = rollout_metrics([EpisodeGroup(task=TASK, episodes=(WON, drawn))]).keys()
    judged = set(re.findall(r'"(rollout/\w+)"', inspect.getsource(collapse)))
    read = {key for gauge in GAUGES for key in gauge.keys} | judged
    assert judged
    assert {key for key in read if key.startswith("rollout/")} <= logged
