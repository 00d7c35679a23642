"""Played games -> what an advantage may depend on."""

import math
from dataclasses import replace

import pytest

from tests.played import LOST, OTHER_GAME, TASK, WON, play
from wordle_rl.errors import ConfigError
from wordle_rl.records import EpisodeGroup
from wordle_rl.training.advantages import ADVANTAGES
from wordle_rl.training.credit import (
    AdvantageInputs,
    GameInputs,
    GroupInputs,
    advantage_inputs,
    anchors,
    moving_average,
    return_to_go,
)


def test_a_group_is_read_turn_by_turn() -> None:
    shaped = play("[stare]", "[mound]", "[pound]", reward="shaped")
    [group] = advantage_inputs([EpisodeGroup(task=TASK, episodes=(shaped, LOST))]).groups
    won, lost = group.games
    assert group.task_id == TASK.task_id
    assert won.rewards == tuple(turn.reward for turn in shaped.turns)
    assert won.parts == tuple(turn.reward_parts for turn in shaped.turns)
    assert won.tokens == (2, 2, 2)
    assert (won.length, lost.length) == (6, 12)
    assert group.returns == [shaped.total_reward, LOST.total_reward]
    assert group.greedy_return is None


def test_greedy_returns_go_to_their_groups() -> None:
    groups = [EpisodeGroup(task=TASK, episodes=(WON,)), EpisodeGroup(task=TASK, episodes=(LOST,))]
    inputs = advantage_inputs(groups, greedy_returns=[0.5, 1.0])
    assert [group.greedy_return for group in inputs.groups] == [0.5, 1.0]


def test_a_game_without_a_language_model_has_no_tokens() -> None:
    group = EpisodeGroup(task=OTHER_GAME.task, episodes=(OTHER_GAME,))
    assert advantage_inputs([group]).games[0].tokens == (0,)


# --- anchors


def test_games_share_an_anchor_until_they_have_seen_something_different() -> None:
    same, other = play("[stare]", "[mound]"), play("[stare]", "[crane]")
    assert anchors(same)[:2] == anchors(other)[:2]
    assert len(set(anchors(same))) == 2
    longer, elsewhere = play("[stare]", "[mound]", "[pound]"), play("[stare]", "[crane]", "[pound]")
    assert anchors(longer)[2] != anchors(elsewhere)[2]


def test_a_game_can_say_what_is_known() -> None:
    """`belief` is what is known after an action, so it is the anchor of the next turn."""
    game = play("[stare]", "[mound]", "[pound]")
    turns = [
        replace(turn, info={**turn.info, "belief": belief})
        for turn, belief in zip(game.turns, ("few", "one", "none"), strict=True)
    ]
    first, *later = anchors(replace(game, turns=tuple(turns)))
    assert first == anchors(game)[0]
    assert later == [("belief", "few"), ("belief", "one")]


# --- numbers


def test_return_to_go_by_hand() -> None:
    assert return_to_go([1.0, 2.0, 4.0]) == [7.0, 6.0, 4.0]
    assert return_to_go([1.0, 2.0, 4.0], gamma=0.5) == [1 + 1 + 1, 2 + 2, 4]
    assert return_to_go([]) == []


def test_the_moving_average_by_hand() -> None:
    assert moving_average([]) == 0.0
    assert moving_average([2.0]) == 2.0
    assert moving_average([2.0, 0.0, 1.0], decay=0.5) == 1.0
    assert moving_average([1.0] + [0.0] * 20) == pytest.approx(0.95**20)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", sorted(ADVANTAGES))
def test_a_reward_that_is_no_number_is_refused(name: str, bad: float) -> None:
    """One nan would make every advantage of its group, or of the batch, a nan."""
    games = [
        GameInputs(rewards=rewards, tokens=(1, 1), anchors=("a", "b"))
        for rewards in ((0.0, 1.0), (0.0, bad))
    ]
    group = GroupInputs(task_id="step-3/task-7", games=tuple(games), greedy_return=0.0)
    with pytest.raises(
        ConfigError, match=rf"game 2 of task 'step-3/task-7' earned {bad!r} on turn"
    ):
        ADVANTAGES[name](AdvantageInputs(groups=(group,)))


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="equal lengths"):
        GameInputs(rewards=(1.0, 2.0), tokens=(1,))
    with pytest.raises(ValueError, match="equal lengths"):
        GameInputs(rewards=(1.0, 2.0), tokens=(1, 1), anchors=("a",))
