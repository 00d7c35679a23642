"""Early warnings of a run that goes wrong."""

import math
from collections.abc import Mapping, Sequence

import pytest

from wordle_rl.errors import RunError
from wordle_rl.training.collapse import collapse_warning, stop_where_all_fail

HEALTHY = {
    "rollout/win_rate": 0.6,
    "rollout/reward": 0.6,
    "rollout/games": 512.0,
    "rollout/groups_mixed": 0.5,
    "rollout/groups_all_won": 0.3,
    "rollout/groups_all_lost": 0.2,
    "rollout/opener_entropy": 4.0,
    "rollout/truncated": 0.01,
    "rollout/invalid_rate": 0.05,
    "rollout/repeat_rate": 0.01,
    "rollout/answer_tokens_won": 6.0,
    "rollout/answer_tokens_lost": 6.0,
    "train/ess": 0.95,
    "train/clip_fraction": 0.1,
    "train/clip_positive": 0.05,
    "train/explained_variance": 0.3,
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
        ({"rollout/errors": 3.0}, ["failed games: 3 of the 512 of a step", "episodes/"]),
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
        (
            {"train/ess": 0.4},
            ["sample size: importance weights leave 40%", "train.updates_per_batch"],
        ),
        (
            {"train/clip_fraction": 0.4, "train/clip_positive": 0.1},
            ["clip: 40% of the tokens", "10% with a positive and 30% with a negative", "train.lr"],
        ),
        ({"train/explained_variance": -0.2}, ["critic: explains -0.20", "train.critic_lr"]),
        ({"rollout/invalid_rate": 0.25}, ["refused guesses: 25% of all, once 5%", "train.lr"]),
        ({"rollout/repeat_rate": 0.25}, ["repeated guesses: 25% of all, once 1%", "episodes/"]),
        (
            {"rollout/answer_tokens_lost": 20.0},
            ["lost answers: 20 tokens, once 6, won ones 6", "dr_grpo"],
        ),
        ({"rollout/truncated": 0.2}, ["answers cut: 20%", "model.max_new_tokens"]),
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
        run_of((30, {}), (10, {"rollout/win_rate": 0.3, "rollout/draw_rate": 0.6})),
        run_of((30, {"rollout/win_rate": 0.08}), (10, {"rollout/win_rate": 0.0})),
        run_of((30, {"rollout/games": 8.0}), (10, {"rollout/win_rate": 0.4, "rollout/games": 8.0})),
        run_of((30, {}), (10, {"rollout/win_rate": 0.97, "rollout/groups_mixed": 0.01})),
        run_of((30, {}), (10, {"train/entropy": 0.001})),
        run_of((30, {"rollout/invalid_rate": 0.9, "rollout/repeat_rate": 0.5})),
        run_of(
            (20, {}), (10, {"rollout/answer_tokens_lost": 20.0, "rollout/answer_tokens_won": 18.0})
        ),
        run_of((12, {"train/explained_variance": -3.0})),
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
        "fewer wins and more draws",
        "never won much",
        "a fall in few games",
        "solved",
        "sure but learning",
        "a weak model that guesses badly from the start",
        "all answers grow",
        "a critic that has just begun",
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


def test_a_run_that_plays_nothing_any_more_stops() -> None:
    failed, played = {"rollout/errors": 4.0, "rollout/games": 4.0}, {"rollout/games": 4.0}
    some = {**failed, "rollout/errors": 3.0}
    for history in ([], [failed] * 2, [failed, failed, some], [failed, failed, played], [{}] * 3):
        stop_where_all_fail(history, None)
    with pytest.raises(RunError, match=r"every game of the last 3 steps failed \(boom: it broke\)"):
        stop_where_all_fail([played, failed, failed, failed], "boom: it broke")
