"""What a training step's games look like in numbers, counted by hand."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from wordle_rl.envs import make_env
from wordle_rl.records import (
    Completion,
    Episode,
    EpisodeGroup,
    FinishReason,
    StopReason,
    Task,
    Turn,
)
from wordle_rl.training.rollout_metrics import rollout_metrics


def game(
    secret: str,
    actions: Sequence[str],
    *,
    error: str | None = None,
    cut: Sequence[int] = (),
    **options: Any,
) -> Episode:
    """Play `actions`; the completions numbered `cut` were too long."""
    task = Task(env_id="wordle", task_id=secret, seed=0, options={"secret": secret})
    env = make_env("wordle", style="compact", **options)
    observation, info = env.reset(seed=0, options=dict(task.options))
    turns: list[Turn] = []
    over = False
    for i, action in enumerate(actions):
        seen = observation
        observation, reward, over, _, info = env.step(action)
        completion = Completion(
            text=action,
            prompt_ids=(1, 2),
            token_ids=tuple(range(len(action))),
            logprobs=(-1.0,) * len(action),
            finish_reason=FinishReason.LENGTH if i in cut else FinishReason.STOP,
        )
        turns.append(
            Turn(
                observation=seen,
                action=action,
                reward=reward,
                reward_parts=info["reward_parts"],
                info=info,
                completion=completion,
            )
        )
    return Episode(
        task=task,
        turns=tuple(turns),
        final_observation=observation,
        terminated=over,
        truncated=not over and error is None,
        stop_reason=StopReason.ERROR
        if error
        else (StopReason.TERMINATED if over else StopReason.TRUNCATED),
        error=error,
    )


def group(*episodes: Episode) -> EpisodeGroup:
    return EpisodeGroup(task=episodes[0].task, episodes=episodes)


WON_2 = game("pound", ["crane", "pound"])
WON_1 = game("pound", ["pound"])
LOST = game("pound", ["crane"] * 6)


def test_rates_over_games_and_answers() -> None:
    bad = game("crane", ["zzzzz", "crane"], cut=[0])
    metrics = rollout_metrics([group(WON_2, LOST), group(bad, bad)])
    assert metrics["rollout/games"] == 4
    assert metrics["rollout/win_rate"] == 3 / 4
    assert metrics["rollout/reward"] == 3 / 4
    assert metrics["rollout/turns"] == (2 + 6 + 2 + 2) / 4
    assert metrics["rollout/mean_guesses"] == 2.0
    assert metrics["rollout/invalid_rate"] == 2 / 12
    assert metrics["rollout/truncated"] == 2 / 12
    assert metrics["rollout/answer_tokens"] == 5.0
    assert metrics["rollout/errors"] == 0


def with_outcome(episode: Episode, outcome: str) -> Episode:
    """The game as one for two, which ended like that."""
    last = episode.turns[-1]
    ended = replace(last, info={**last.info, "outcome": outcome, "solved": outcome == "win"})
    return replace(episode, turns=(*episode.turns[:-1], ended))


def test_draws_are_counted_where_there_can_be_some() -> None:
    won, drawn, lost = (with_outcome(LOST, outcome) for outcome in ("win", "draw", "loss"))
    metrics = rollout_metrics([group(won, drawn), group(drawn, lost)])
    assert metrics["rollout/draw_rate"] == 2 / 4
    assert metrics["rollout/win_rate"] == 1 / 4
    assert rollout_metrics([group(won, lost)])["rollout/draw_rate"] == 0.0
    assert "rollout/draw_rate" not in rollout_metrics([group(WON_1, LOST)])


def test_groups_are_won_lost_or_mixed() -> None:
    groups = [group(WON_1, WON_2), group(LOST, LOST), group(LOST, WON_1), group(LOST, LOST)]
    metrics = rollout_metrics(groups)
    assert metrics["rollout/groups_all_won"] == 1 / 4
    assert metrics["rollout/groups_all_lost"] == 2 / 4
    assert metrics["rollout/groups_mixed"] == 1 / 4
    assert metrics["rollout/reward_spread"] == 0.5 / 4


def test_a_lost_group_with_different_rewards_is_mixed() -> None:
    near = game("pound", ["bound"] * 6, reward="partial_credit")
    far = game("pound", ["fizzy"] * 6, reward="partial_credit")
    metrics = rollout_metrics([group(near, far)])
    assert metrics["rollout/groups_mixed"] == 1.0
    assert metrics["rollout/groups_all_lost"] == 0.0
    assert metrics["rollout/reward_spread"] == pytest.approx(0.4)


def test_the_entropy_of_openers_by_hand() -> None:
    """Three games open with crane and one with pound."""
    metrics = rollout_metrics([group(WON_2, WON_2, LOST, WON_1)])
    assert metrics["rollout/openers"] == 2.0
    wanted = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert metrics["rollout/opener_entropy"] == pytest.approx(wanted)
    assert rollout_metrics([group(LOST, LOST)])["rollout/opener_entropy"] == 0.0


def test_repeats_are_counted_apart_from_refusals() -> None:
    """LOST plays crane six times: five repeats of six answers, none refused."""
    metrics = rollout_metrics([group(LOST, WON_2)])
    assert metrics["rollout/repeat_rate"] == 5 / 8
    assert metrics["rollout/invalid_rate"] == 0.0


def test_answers_are_as_long_as_their_outcome_says() -> None:
    """A token a letter: won answers have 5 and 5 letters, lost ones 2 and then 5."""
    lost = game("pound", ["zz", "crane", "crane", "crane", "crane", "crane"])
    metrics = rollout_metrics([group(WON_2, lost)])
    assert metrics["rollout/answer_tokens_won"] == 5.0
    assert metrics["rollout/answer_tokens_lost"] == (2 + 5 * 5) / 6
    assert "rollout/answer_tokens_won" not in rollout_metrics([group(lost, lost)])


def test_the_parts_of_the_reward_sum_to_it() -> None:
    games = [game("pound", actions, reward="shaped") for actions in (["pound"], ["bound", "zz"])]
    metrics = rollout_metrics([group(*games)])
    parts = {k: v for k, v in metrics.items() if k.startswith("rollout/reward_")}
    del parts["rollout/reward_spread"]
    assert len(parts) > 2
    assert sum(parts.values()) == pytest.approx(metrics["rollout/reward"])


def test_every_name_has_a_known_prefix() -> None:
    assert all(name.startswith("rollout/") for name in rollout_metrics([group(WON_1, LOST)]))


def test_without_a_win_there_is_no_mean_of_guesses() -> None:
    assert "rollout/mean_guesses" not in rollout_metrics([group(LOST, LOST)])


def test_refused_guesses_count_only_where_the_rules_count_them() -> None:
    free = game("pound", ["zzzzz", "zz", "pound"], invalid_policy="free")
    paid = game("pound", ["zzzzz", "zz", "pound"])
    assert rollout_metrics([group(free, free)])["rollout/mean_guesses"] == 1.0
    assert rollout_metrics([group(paid, paid)])["rollout/mean_guesses"] == 3.0


def test_a_game_that_failed_is_counted_and_has_no_say_in_its_group() -> None:
    """It earned nothing, but the others all won: there is nothing to learn from them."""
    failed = game("pound", ["crane"], error="ValueError: boom")
    at_once = game("pound", [], error="ValueError: boom")
    metrics = rollout_metrics([group(WON_1, WON_2, failed), group(failed, at_once)])
    assert metrics["rollout/errors"] == 3
    assert metrics["rollout/groups_all_won"] == 1 / 2
    assert metrics["rollout/groups_all_lost"] == 0.0
    assert metrics["rollout/groups_mixed"] == 0.0
    assert metrics["rollout/reward_spread"] == 0.0
    assert metrics["rollout/win_rate"] == 2 / 5
