"""The trainer's display, its early warnings, and the games it keeps as text."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from rich.style import Style

from wordle_rl.envs import make_env
from wordle_rl.evaluation.replay import CLASSIC, record_of
from wordle_rl.records import (
    Completion,
    Episode,
    EpisodeGroup,
    FinishReason,
    StepRecord,
    StopReason,
    Task,
    Turn,
)
from wordle_rl.training.logger import (
    GAUGES,
    TrainDisplay,
    collapse_warning,
    sparkline,
    write_games,
)
from wordle_rl.training.rollout_metrics import rollout_metrics

TASK = Task(env_id="wordle", task_id="step-0/task-0", seed=0, options={"secret": "pound"})


def play(*actions: str, reward: str = "binary") -> Episode:
    """A game of Wordle with the secret POUND, as a language model would have played it."""
    env = make_env("wordle", reward=reward, style="compact")
    observation, _ = env.reset(seed=0, options={"secret": "pound"})
    turns: list[Turn] = []
    terminated = False
    for action in actions:
        seen = observation
        observation, earned, terminated, _, info = env.step(action)
        completion = Completion(
            text=action,
            prompt_ids=(7, 7, 7),
            token_ids=(8, 9),
            logprobs=(-0.5, -0.25),
            finish_reason=FinishReason.STOP,
        )
        turns.append(
            Turn(
                observation=seen,
                action=action,
                reward=earned,
                reward_parts=info["reward_parts"],
                info=info,
                completion=completion,
            )
        )
    return Episode(
        task=TASK,
        turns=tuple(turns),
        final_observation=observation,
        terminated=terminated,
        truncated=not terminated,
        stop_reason=StopReason.TERMINATED if terminated else StopReason.TRUNCATED,
    )


WON = play("[stare]", "[mound]", "[pound]")
LOST = play("[stare]", "[pounx]", "I say\x1b[2J [stare]", "[stare]", "[stare]", "[stare]")
OTHER_GAME = Episode(
    task=Task(env_id="math", task_id="m", seed=0),
    turns=(
        Turn(
            observation="What is 2 + 2?",
            action="It is\n\x1b[31m 4",
            reward=1.0,
            reward_parts={},
            info={"guess": 4, "feedback": "right", "solved": True},
        ),
    ),
    final_observation="Right.",
    terminated=True,
    truncated=False,
    stop_reason=StopReason.TERMINATED,
)


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
        "step 15/25 | win rate 15.0% | reward 0.300 | games/s 256.0 | loss -0.0125 | "
        "entropy 0.750 | sampler KL 0.00021 | grad norm 1.5 | all won / lost 25% / 12% | "
        "validation 62.5% | 95% interval 56.2% - 68.8% | best so far 62.5% (step 15) | ETA 0:20"
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
        "step 10/20 | games 5,120 | games/s 128.0 | loss 1.5000 | grad norm 0.5 | ETA 0:40",
        "step 11/20 | games 5,120 | games/s 128.0 | loss 1.5000 | grad norm 0.5 | validation 50.0%"
        " | best so far 50.0% (step 11) | ETA 0:36",
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
        if gauge.label != "games":
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
    written(target).encode("latin-1")


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


# --- early warnings


HEALTHY = {
    "rollout/win_rate": 0.6,
    "rollout/reward": 0.6,
    "rollout/games": 512.0,
    "rollout/groups_mixed": 0.5,
    "rollout/groups_all_won": 0.3,
    "rollout/groups_all_lost": 0.2,
    "rollout/opener_entropy": 4.0,
    "train/loss": 0.01,
    "train/entropy": 0.5,
    "train/sampler_kl": 0.001,
    "train/grad_norm": 1.0,
}


def run_of(*stretches: tuple[int, Mapping[str, float]]) -> list[dict[str, float]]:
    """Stretches of equal steps: (how many, what differs from a healthy run)."""
    return [{**HEALTHY, **changes} for steps, changes in stretches for _ in range(steps)]


@pytest.mark.parametrize(
    ("late", "words"),
    [
        ({"train/loss": math.nan}, ["not finite: train/loss is nan", "train.lr"]),
        ({"train/sampler_kl": 0.5}, ["sampler KL: 0.5 nats", "model.dtype=float32"]),
        ({"train/grad_norm": 12.5}, ["gradient norm: 12.5", "was 1 before", "train.lr"]),
        (
            {"rollout/win_rate": 0.41},
            ["win rate fell: 41.0% over the last 10 steps", "60.0% at its best", "checkpoint"],
        ),
        (
            {"rollout/opener_entropy": 0.25, "rollout/reward": 0.5},
            ["openers: entropy 0.25 nats, once 4.00", "from 0.600 to 0.500", "train.kl_coef"],
        ),
        (
            {"train/entropy": 0.015, "rollout/groups_mixed": 0.08},
            ["entropy: 0.015 nats", "92% of the groups", "rollout.temperature"],
        ),
        (
            {"rollout/groups_mixed": 0.02, "rollout/groups_all_lost": 0.9},
            ["no signal: only 2.0% of the groups", "env.reward=shaped"],
        ),
        (
            {"rollout/groups_mixed": 0.02, "rollout/groups_all_won": 0.6},
            ["no signal: only 2.0% of the groups", "rollout.group_size"],
        ),
    ],
)
def test_each_sign_is_named_with_its_number_and_a_remedy(
    late: Mapping[str, float], words: Sequence[str]
) -> None:
    assert collapse_warning(run_of((30, {}))) is None
    text = collapse_warning(run_of((30, {}), (10, late)))
    assert text is not None
    assert "\n" not in text
    for word in words:
        assert word in text


@pytest.mark.parametrize(
    "history",
    [
        [],
        [{}],
        [{"train/loss": 3.0, "train/grad_norm": 11.0}] * 5,
        run_of((100, {})),
        run_of((5, {"rollout/groups_mixed": 0.0})),
        run_of((30, {}), (1, {"train/grad_norm": 500.0})),
        run_of((30, {"train/grad_norm": 0.01}), (10, {"train/grad_norm": 0.9})),
        run_of((30, {}), (10, {"rollout/opener_entropy": 0.0})),
        run_of((30, {}), (10, {"rollout/win_rate": 0.48})),
        run_of((30, {"rollout/win_rate": 0.08}), (10, {"rollout/win_rate": 0.0})),
        run_of((30, {"rollout/games": 8.0}), (10, {"rollout/win_rate": 0.4, "rollout/games": 8.0})),
        run_of((30, {}), (10, {"rollout/win_rate": 0.97, "rollout/groups_mixed": 0.01})),
        run_of((30, {}), (10, {"train/entropy": 0.001})),
    ],
    ids=[
        "nothing",
        "no numbers",
        "imitation begins",
        "healthy",
        "too early to tell",
        "one spike",
        "small gradients grow",
        "one opener that works",
        "a small fall",
        "never won much",
        "a fall in few games",
        "solved",
        "sure but learning",
    ],
)
def test_what_is_no_alarm(history: list[dict[str, float]]) -> None:
    assert collapse_warning(history) is None


def test_the_most_urgent_sign_comes_first() -> None:
    late = {"train/grad_norm": 50.0, "rollout/win_rate": 0.1, "rollout/groups_mixed": 0.0}
    assert (collapse_warning(run_of((30, {}), (10, late))) or "").startswith("gradient norm:")


def test_flat_groups_are_noticed_when_there_are_no_updates_left_to_log() -> None:
    flat = {k: v for k, v in HEALTHY.items() if not k.startswith("train/")}
    history = [*run_of((30, {})), *([flat | {"rollout/groups_mixed": 0.0}] * 10)]
    assert (collapse_warning(history) or "").startswith("no signal: only 0.0%")


def test_warnings_do_not_depend_on_time() -> None:
    late = {"rollout/win_rate": 0.2}
    slow = [row | {"time/step_s": 1e9} for row in run_of((30, {}), (10, late))]
    assert collapse_warning(slow) == collapse_warning(run_of((30, {}), (10, late)))


# --- games on disk


@pytest.fixture
def groups() -> list[EpisodeGroup]:
    won = play("[stare]", "[mound]", "[pound]", reward="shaped")
    return [
        EpisodeGroup(task=TASK, episodes=(won, LOST)),
        EpisodeGroup(task=OTHER_GAME.task, episodes=(OTHER_GAME,)),
    ]


def test_games_can_be_read(tmp_path: Path, groups: list[EpisodeGroup]) -> None:
    file = write_games(tmp_path / "episodes", 20, groups, 16, advantages_PG=[[0.75, -0.75], [0.0]])
    assert file == tmp_path / "episodes" / "step-20.txt"
    assert file.read_text(encoding="utf-8") == (
        "step 20: 3 of 3 games\n"
        "\n"
        "== pound: game 1 of 2, 1 won (step-0/task-0)\n"
        " s  t  a  r  e \n"
        " m [O][U][N][D]\n"
        "[P][O][U][N][D]\n"
        "solved in 3\n"
        "reward 1.8 = win +1 speed +0.3 credit +0.5 format +0 invalid +0, advantage +0.750\n"
        "\n"
        "== pound: game 2 of 2, 1 won (step-0/task-0)\n"
        " s  t  a  r  e \n"
        "refused: pounx\n"
        "> I say?[2J [stare]\n"
        " s  t  a  r  e \n" * 1 + " s  t  a  r  e \n" * 3 + "not solved: out_of_guesses\n"
        "reward 0 = win +0, advantage -0.750\n"
        "\n"
        "== m: game 1 of 1, 1 won (m)\n"
        "> It is\n"
        "> ?[31m 4\n"
        "Right.\n"
        "solved in 1\n"
        "reward 1, advantage +0.000\n"
    )


def test_games_are_kept_as_json_lines_without_tokens(
    tmp_path: Path, groups: list[EpisodeGroup]
) -> None:
    write_games(tmp_path, 20, groups, 16, advantages_PG=[[0.75, -0.75], [0.0]])
    text = (tmp_path / "step-20.jsonl").read_text(encoding="utf-8")
    games = [json.loads(line) for line in text.splitlines()]
    assert [(g["step"], g["task_id"], g["sample"], g["advantage"]) for g in games] == [
        (20, "step-0/task-0", 0, 0.75),
        (20, "step-0/task-0", 1, -0.75),
        (20, "m", 0, 0.0),
    ]
    assert games[0]["actions"] == ["[stare]", "[mound]", "[pound]"]
    assert games[0]["observations"] == ["wordle 5x6", "XXXXX", "XGGGG", "GGGGG"]
    assert games[0]["reward"] == sum(games[0]["rewards"]) == sum(games[0]["reward_parts"].values())
    assert record_of(games[0]) == record_of(groups[0].episodes[0])
    assert "ids" not in {key for game in games for key in game}
    assert "logprobs" not in text


def test_a_limit_keeps_the_first_games_and_a_second_attempt_replaces_them(
    tmp_path: Path, groups: list[EpisodeGroup]
) -> None:
    write_games(tmp_path, 20, groups, 3)
    file = write_games(tmp_path, 20, groups, 1)
    assert file.read_text(encoding="utf-8").startswith("step 20: 1 of 3 games\n")
    assert "advantage" not in file.read_text(encoding="utf-8")
    assert len((tmp_path / "step-20.jsonl").read_text(encoding="utf-8").splitlines()) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-20.jsonl", "step-20.txt"]


def test_a_game_that_failed_at_once_is_kept(tmp_path: Path) -> None:
    broken = Episode(
        task=TASK,
        turns=(),
        final_observation="wordle 5x6",
        terminated=False,
        truncated=False,
        stop_reason=StopReason.ERROR,
        error="ValueError: boom",
    )
    file = write_games(tmp_path, 1, [EpisodeGroup(task=TASK, episodes=(broken,))], 1)
    assert "error: ValueError: boom\nreward 0\n" in file.read_text(encoding="utf-8")


def test_what_the_display_and_the_warnings_read_is_what_the_rollout_logs(
    groups: list[EpisodeGroup],
) -> None:
    logged = rollout_metrics(groups).keys()
    read = {key for gauge in GAUGES for key in gauge.keys} | HEALTHY.keys()
    assert {key for key in read if key.startswith("rollout/")} <= logged
