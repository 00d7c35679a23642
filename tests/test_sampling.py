"""The games of a step: dynamic sampling, greedy games, scores and the price of long answers."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.ten_words import taught_agent, ten_word_config, tiny_agent
from wordle_rl.errors import ConfigError
from wordle_rl.records import Episode, EpisodeGroup
from wordle_rl.training import sampling
from wordle_rl.training.games import draw_tasks, play_step
from wordle_rl.training.overlong import charge_overlong, check_overlong, overlong_penalty
from wordle_rl.training.sampling import has_signal, sample_games
from wordle_rl.training.scoring import Scores, WeightedScorer


def ids(groups: Sequence[EpisodeGroup]) -> list[str]:
    return [group.task.task_id for group in groups]


def worth(groups: Sequence[EpisodeGroup], *, mixed: Sequence[int]) -> list[EpisodeGroup]:
    """The groups with a signal in those numbered `mixed` alone."""
    return [
        replace(
            group,
            episodes=tuple(_worth(e, float(p in mixed and g == 0)) for g, e in enumerate(games)),
        )
        for p, group in enumerate(groups)
        for games in [group.episodes]
    ]


def _worth(episode: Episode, value: float) -> Episode:
    turns = [replace(turn, reward=0.0) for turn in episode.turns]
    return replace(episode, turns=(replace(turns[0], reward=value), *turns[1:]))


@pytest.fixture
def rounds(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Round n has signal in its first n tasks; returns the attempts that were played."""
    played: list[int] = []

    def play(*given: object) -> list[EpisodeGroup]:
        attempt = given[-2]
        assert isinstance(attempt, int)
        played.append(attempt)
        return worth(play_step(*given), mixed=range(attempt))  # type: ignore[arg-type]

    monkeypatch.setattr(sampling, "play_step", play)
    return played


def test_without_refilling_every_group_is_kept_in_order() -> None:
    config = ten_word_config()
    played = sample_games(taught_agent(), config, 2)
    assert ids(played.groups) == [task.task_id for task in draw_tasks(config, 2)]
    assert played.groups == played.everything
    assert played.greedy_returns is None
    assert played.metrics == {}


def test_groups_without_a_signal_are_replaced_until_the_step_is_full(rounds: list[int]) -> None:
    """Rounds bring 0, 1 and 2 useful groups: three of nine, and no fourth round."""
    config = ten_word_config("rollout.refill_rounds=5")
    played = sample_games(taught_agent(), config, 0)
    assert rounds == [0, 1, 2]
    assert len(played.everything) == 9
    assert ids(played.groups) == [
        "step-0/again-1/task-0",
        "step-0/again-2/task-0",
        "step-0/again-2/task-1",
    ]
    assert all(has_signal(group) for group in played.groups)
    assert played.metrics == {"rollout/rounds": 3}


def test_the_number_of_rounds_is_bounded_and_the_step_stays_as_large(rounds: list[int]) -> None:
    config = ten_word_config("rollout.refill_rounds=1")
    played = sample_games(taught_agent(), config, 0)
    assert rounds == [0, 1]
    assert len(played.groups) == 3
    assert sum(has_signal(group) for group in played.groups) == 1
    assert "step-0/again-1/task-0" in ids(played.groups)


def test_further_rounds_have_other_secrets_and_the_same_ones_when_done_again() -> None:
    config = ten_word_config()
    first, more = draw_tasks(config, 0), draw_tasks(config, 0, 1)
    assert not {t.seed for t in first} & {t.seed for t in more}
    assert not {t.task_id for t in first} & {t.task_id for t in more}
    assert more == draw_tasks(config, 0, 1)


def test_failed_games_are_no_signal() -> None:
    [group, *_] = sample_games(taught_agent(), ten_word_config(), 0).groups
    [mixed] = worth([group], mixed=[0])
    assert has_signal(mixed)
    failed = replace(mixed.episodes[0], error="boom")
    assert not has_signal(replace(mixed, episodes=(failed, *mixed.episodes[1:])))


def test_greedy_games_are_the_models_best_moves_on_the_same_secrets() -> None:
    config = ten_word_config("env.reward=shaped")
    agent = taught_agent()
    played = sample_games(agent, config, 0, greedy=True)
    assert played.greedy_returns is not None
    once = config.model_copy(
        update={"rollout": config.rollout.model_copy(update={"group_size": 1})}
    )
    alone = play_step(agent, once, 0, 0.0)
    assert played.greedy_returns == [group.episodes[0].total_reward for group in alone]
    assert len(played.groups[0].episodes) == 4
    secrets = [
        [g.episodes[0].turns[-1].info["secret"] for g in gs] for gs in (played.groups, alone)
    ]
    assert secrets[0] == secrets[1]


def test_greedy_games_are_scored_like_the_others() -> None:
    def scores(groups: Sequence[EpisodeGroup]) -> Scores:
        values = [[1.0] * len(group.episodes) for group in groups]
        return Scores(values_PG=values, metrics={"rollout/judged": float(len(groups))})

    scorer = WeightedScorer(name="one", weight=0.5, scorer=scores)
    agent, config = tiny_agent(), ten_word_config()
    played = sample_games(agent, config, 0, greedy=True, scorers=[scorer])
    assert played.greedy_returns == [0.5] * 3
    assert {e.total_reward for g in played.groups for e in g.episodes} == {0.5}
    assert played.metrics == {"rollout/judged": 6.0}


def test_the_price_of_a_long_answer() -> None:
    assert overlong_penalty(90, limit=100, cache=20) == -0.5
    assert overlong_penalty(80, limit=100, cache=20) == 0.0
    assert overlong_penalty(100, limit=100, cache=20) == -1.0
    assert overlong_penalty(3, limit=100, cache=20) == 0.0


def test_every_answer_is_charged_as_a_part_of_the_reward() -> None:
    [group, *_] = sample_games(taught_agent(), ten_word_config(), 0).groups
    [charged] = charge_overlong([group], limit=8, cache=4)
    for before, after in zip(group.episodes, charged.episodes, strict=True):
        for old, new in zip(before.turns, after.turns, strict=True):
            assert old.completion is not None
            penalty = overlong_penalty(len(old.completion.token_ids), 8, 4)
            assert new.reward == old.reward + penalty
            assert new.reward_parts["overlong"] == penalty
    assert charge_overlong([group], limit=8, cache=0) == [group]
    played = sample_games(taught_agent(), ten_word_config("rollout.overlong_tokens=4"), 0)
    assert played.groups[0] == charged


def test_a_price_from_before_the_first_token_is_refused() -> None:
    check_overlong(12, 12)
    with pytest.raises(ConfigError, match=r"overlong_tokens=13: an answer has at most 12 tokens"):
        check_overlong(12, 13)
