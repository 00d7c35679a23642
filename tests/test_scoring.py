"""Scores of finished games as part of their reward, and composed rewards as a run sets them."""

import math
from dataclasses import replace
from typing import Any

import pytest

from tests.played import LOST, TASK, WON
from wordle_rl.config import EnvSection, parse
from wordle_rl.errors import ConfigError
from wordle_rl.records import EpisodeGroup, Task
from wordle_rl.training.games import training_env
from wordle_rl.training.rollout_metrics import rollout_metrics
from wordle_rl.training.scoring import Scores, WeightedScorer, add_scores

GROUPS = [
    EpisodeGroup(task=TASK, episodes=(WON, LOST)),
    EpisodeGroup(task=TASK, episodes=(LOST,)),
]


def scorer(
    values_PG: list[list[float | None]], name: str = "judge", weight: float = 0.5
) -> WeightedScorer:
    metrics = {f"rollout/{name}_calls": 1.0}
    return WeightedScorer(
        name=name, weight=weight, scorer=lambda groups: Scores(values_PG=values_PG, metrics=metrics)
    )


def test_a_score_is_paid_on_the_last_turn_as_a_part() -> None:
    scored, metrics = add_scores(GROUPS, [scorer([[0.5, 1.0], [0.25]])])
    returns = [[e.total_reward for e in group.episodes] for group in scored]
    assert returns == [[1.25, 0.5], [0.125]]
    last = scored[0].episodes[0].turns[-1]
    assert dict(last.reward_parts) == {"win": 1.0, "judge": 0.25}
    assert last.reward == sum(last.reward_parts.values())
    assert scored[0].episodes[0].turns[:-1] == WON.turns[:-1]
    assert metrics == {"rollout/judge_calls": 1.0}


def test_the_rest_of_a_game_stays_as_it_was() -> None:
    scored, _ = add_scores(GROUPS, [scorer([[1.0, 1.0], [1.0]])])
    for before, after in zip(GROUPS, scored, strict=True):
        assert after.task == before.task
        for old, new in zip(before.episodes, after.episodes, strict=True):
            bare = replace(new.turns[-1], reward=0.0, reward_parts={})
            assert bare == replace(old.turns[-1], reward=0.0, reward_parts={})
            assert replace(new, turns=()) == replace(old, turns=())
            assert new.solved == old.solved
    assert WON.total_reward == 1.0


def test_a_missing_score_leaves_the_games_own_reward() -> None:
    scored, _ = add_scores(GROUPS, [scorer([[None, 1.0], [None]])])
    assert [[e.total_reward for e in g.episodes] for g in scored] == [[1.0, 0.5], [0.0]]


def test_scores_are_logged_by_name() -> None:
    two = [scorer([[1.0, 0.0], [0.5]]), scorer([[1.0, 1.0], [1.0]], "model", 2.0)]
    scored, _ = add_scores(GROUPS, two)
    metrics = rollout_metrics(scored)
    assert metrics["rollout/reward_judge"] == pytest.approx(0.5 * 1.5 / 3)
    assert metrics["rollout/reward_model"] == 2.0
    assert metrics["rollout/reward"] == pytest.approx(1 / 3 + 0.25 + 2.0)
    assert metrics["rollout/win_rate"] == pytest.approx(1 / 3)


def test_every_scorer_sees_the_games_as_they_were_played() -> None:
    seen = []

    def look(groups: Any) -> Scores:
        seen.append([e.total_reward for group in groups for e in group.episodes])
        return Scores(values_PG=[[1.0, 1.0], [1.0]])

    add_scores(GROUPS, [WeightedScorer(name=n, weight=1.0, scorer=look) for n in "ab"])
    assert seen == [[1.0, 0.0, 0.0]] * 2


def test_a_game_without_turns_has_nothing_to_pay() -> None:
    empty = replace(LOST, turns=(), error="ValueError: boom")
    group = EpisodeGroup(task=TASK, episodes=(empty,))
    assert add_scores([group], [scorer([[1.0]])])[0] == [group]


def test_without_scorers_nothing_changes() -> None:
    assert add_scores(GROUPS, []) == (GROUPS, {})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([[1.0, 1.0]], r"'judge' returned \[2\] scores for groups of \[2, 1\] games"),
        ([[1.0], [1.0]], r"returned \[1, 1\] scores"),
        ([[1.0, math.nan], [1.0]], "'judge' returned nan: scores are finite"),
    ],
)
def test_wrong_scores_are_refused(values: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        add_scores(GROUPS, [scorer(values)])


# --- composed rewards in a run's settings


def parts_of_a_win(**env: Any) -> dict[str, float]:
    task = Task(env_id="wordle", task_id="t", seed=0)
    game = training_env(parse(EnvSection, env), task, "compact")
    game.reset(options={"secret": "crane"})
    parts: dict[str, float] = game.step("well, [crane]")[4]["reward_parts"]
    return parts


def test_the_settings_reach_the_game() -> None:
    table = {"weight": -0.1, "free_chars": 2, "max_chars": 4}
    rewards = {"correct": 1, "format": 0.5, "tests.test_scoring:well": 0.25, "length": table}
    assert parts_of_a_win(rewards=rewards) == {
        "correct": 1.0,
        "format": 0.5,
        "tests.test_scoring:well": 0.25,
        "length": pytest.approx(-0.1 / 6),  # one faulty answer of the six a game allows
    }


def well(outcome: Any) -> float:
    return float(outcome.action.startswith("well"))


def test_a_scheme_beside_functions_is_refused_unless_they_use_it() -> None:
    with pytest.raises(ConfigError, match=r"env.reward='shaped': leave it out"):
        parts_of_a_win(reward="shaped", rewards={"correct": 1.0})
    both = parts_of_a_win(reward="shaped", rewards={"game": 1.0, "format": 0.1})
    assert both == pytest.approx({"game": 2.0, "format": 0.1})
