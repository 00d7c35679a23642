"""Credit by token from the answers that began alike: by hand, by enumeration, on rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from tests.ten_words import taught_agent, ten_word_config
from wordle_rl.config import TrainConfig
from wordle_rl.errors import SampleError
from wordle_rl.records import EpisodeGroup
from wordle_rl.rollout import rollout
from wordle_rl.training import prefix_advantages
from wordle_rl.training.algorithms import chosen_algorithm, fill_defaults, parts_of
from wordle_rl.training.assignment import assign, group_samples
from wordle_rl.training.credit import AdvantageInputs, GameInputs, GroupInputs
from wordle_rl.training.games import draw_tasks, training_env
from wordle_rl.training.prefix_advantages import FLOOR, PRIOR, prefix_whitened

Answered = tuple[float, tuple[int, ...]]
"""What a turn earned, and its answer."""


def step(*turns: Answered, states: Sequence[int] | None = None) -> AdvantageInputs:
    """Games of one turn, all in one state unless said otherwise."""
    known = states or [0] * len(turns)
    return AdvantageInputs(
        groups=tuple(
            GroupInputs(
                task_id=f"task-{p}",
                games=(
                    GameInputs(
                        rewards=(earned,),
                        tokens=(len(answer),),
                        anchors=(state,),
                        answers=(answer,),
                    ),
                ),
            )
            for p, ((earned, answer), state) in enumerate(zip(turns, known, strict=True))
        ),
        gamma=0.0,
    )


def credits(inputs: AdvantageInputs) -> list[tuple[float, ...]]:
    """Of the only turn of each game."""
    return [turn for group in prefix_whitened(inputs) for game in group for turn in game]


def test_a_tree_by_hand() -> None:
    """Two first tokens with two second ones each; every number is written out."""
    found = credits(step((1.0, (5, 0)), (0.8, (5, 1)), (0.2, (9, 0)), (0.0, (9, 1))))
    mean_of_others, spread = (0.8 + 0.2 + 0.0) / 3, math.sqrt((0.25 + 0.09 + 0.09 + 0.25) / 4)
    first = (1.0 - mean_of_others) / (spread + FLOOR * spread)
    value = (0.8 + PRIOR * mean_of_others) / (1 + PRIOR)  # of "5": one other turn, and the prior
    deviation = math.sqrt(PRIOR * spread**2 / (1 + PRIOR))
    second = (1.0 - value) / (deviation + FLOOR * spread)
    assert found[0] == pytest.approx((first, second))
    assert found[3] == pytest.approx((-first, -second)), "by symmetry"


def test_a_token_answers_for_what_it_changed() -> None:
    """A good first token and a bad second one, 200 of each: where a turn has one advantage, 0."""
    turns = [(0.5, (5, 1)), (1.0, (5, 0)), (0.5, (9, 0)), (0.0, (9, 1))] * 200
    found = credits(step(*turns))
    good_then_bad, bad_then_good = (0.0, -0.84), (0.0, 0.84)
    assert found[0] == pytest.approx(good_then_bad, abs=0.02)
    assert found[2] == pytest.approx(bad_then_good, abs=0.02)
    assert found[1][0] > found[1][1] > 0.8


def test_a_token_without_a_choice_has_the_advantage_of_the_next() -> None:
    plain = credits(step((1.0, (5,)), (0.2, (9,)), (0.3, (9,))))
    led = credits(step((1.0, (1, 2, 5)), (0.2, (1, 2, 9)), (0.3, (1, 2, 9))))
    assert led == [(a, a, a) for (a,) in plain]


def test_a_beginning_of_ones_own_is_worth_what_led_to_it() -> None:
    short = credits(step((1.0, (5,)), (0.2, (9,)), (0.3, (9,))))
    long = credits(step((1.0, (5, *range(5000))), (0.2, (9,)), (0.3, (9,))))
    assert long[0] == short[0] * 5001
    assert long[1:] == short[1:]


def test_other_states_and_other_turns_grow_other_trees() -> None:
    turns = [(1.0, (5, 0)), (0.0, (5, 1)), (4.0, (5, 0)), (3.0, (5, 1))]
    apart, together = credits(step(*turns, states=[0, 0, 1, 1])), credits(step(*turns))
    assert apart != together
    assert apart[0][0] > together[0][0], "compared with its own state, a turn of 1 is better"


def test_turns_of_one_number_are_compared() -> None:
    def games(*rewards: tuple[float, ...]) -> AdvantageInputs:
        return AdvantageInputs(
            groups=tuple(
                GroupInputs(
                    task_id=f"task-{p}",
                    games=(GameInputs(rewards=r, tokens=(1,) * len(r), answers=((5,),) * len(r)),),
                )
                for p, r in enumerate(rewards)
            ),
            gamma=0.0,
        )

    [[[first, lonely]], [[second]]] = prefix_whitened(games((0.0, 9.0), (1.0,)))
    assert lonely == (0.0,), "no other game has a second turn"
    assert first[0] == -second[0] < 0


def test_games_of_a_mixture_are_not_compared() -> None:
    def mixed(*worth: float) -> AdvantageInputs:
        plain = step(*[(r, (5,)) for r in worth])
        groups = tuple(
            replace(group, env_id="wordle" if p < 2 else "math")
            for p, group in enumerate(plain.groups)
        )
        return replace(plain, groups=groups)

    assert credits(mixed(0.0, 1.0, 5.0, 6.0)) == credits(mixed(0.0, 1.0, 0.0, 1.0))


@pytest.mark.parametrize("size", [1, 2, 7])
def test_equal_turns_say_exactly_nothing(size: int) -> None:
    assert credits(step(*[(0.1, (5, 0, 3))] * size)) == [(0.0, 0.0, 0.0)] * size
    summed = 0.2 + 0.2 + 0.2
    assert credits(step((summed, (1,)), (0.6, (2,)))) == [(0.0,), (0.0,)]


def test_an_empty_answer_has_no_credit() -> None:
    assert credits(step((0.0, ()), (1.0, (5,))))[0] == ()


answered = st.tuples(
    st.integers(-4, 4).map(float), st.lists(st.integers(0, 2), min_size=1, max_size=4).map(tuple)
)


@given(st.lists(answered, min_size=2, max_size=12), st.floats(0.5, 4.0), st.integers(-5, 5))
def test_scale_and_origin_of_the_reward_do_not_matter(
    turns: list[Answered], scale: float, origin: int
) -> None:
    plain = credits(step(*turns))
    moved = credits(step(*[(scale * r + origin, answer) for r, answer in turns]))
    assert all(
        a == pytest.approx(b, abs=1e-6)
        for one, other in zip(plain, moved, strict=True)
        for a, b in zip(one, other, strict=True)
    )
    assert [len(c) for c in plain] == [len(answer) for _, answer in turns]
    assert all(math.isfinite(a) for c in plain for a in c)


@pytest.mark.parametrize("whitened", [False, True])
def test_at_every_node_it_points_along_the_true_gradient(
    monkeypatch: pytest.MonkeyPatch, whitened: bool
) -> None:
    """All steps of three turns of two tokens, each weighed by its probability.

    A baseline of the others is exact; a deviation that has the turn itself in it is not quite.
    """
    if not whitened:
        monkeypatch.setattr(prefix_advantages, "_scale", lambda *_: 1.0)
    least = 0.96 if whitened else 1 - 1e-12
    worth = torch.tensor([[0.9, 0.1, 0.4], [0.2, 0.8, 0.3]], dtype=torch.float64)
    torch.manual_seed(0)
    first = torch.randn(2, dtype=torch.float64).log_softmax(0)
    second = torch.randn(2, 3, dtype=torch.float64).log_softmax(1)
    chances = (first[:, None] + second).exp()
    answers = list(product(range(2), range(3)))
    found = [torch.zeros(2, dtype=torch.float64), torch.zeros(2, 3, dtype=torch.float64)]
    for played in product(answers, repeat=3):
        weight = math.prod(float(chances[a]) for a in played)
        turns = [(float(worth[a]), a) for a in played]
        for (a, b), (of_first, of_second) in zip(played, credits(step(*turns)), strict=True):
            found[0] += weight * of_first * score(first, a)
            found[1][a] += weight * of_second * score(second[a], b)
    value = (second.exp() * worth).sum(1)
    assert cosine(found[0], advantage_gradient(first, value)) > least
    for a in range(2):
        assert cosine(found[1][a], advantage_gradient(second[a], worth[a])) > least


def score(logprobs: Tensor, chosen: int) -> Tensor:
    """The gradient of the chosen token's log-probability by the logits."""
    return torch.eye(len(logprobs), dtype=torch.float64)[chosen] - logprobs.exp()


def advantage_gradient(logprobs: Tensor, values: Tensor) -> Tensor:
    """The gradient of the expected value by the logits."""
    chances = logprobs.exp()
    return chances * (values - (chances * values).sum())


def cosine(a: Tensor, b: Tensor) -> float:
    return float(torch.nn.functional.cosine_similarity(a, b, dim=0))


# --- on rows


def played() -> tuple[TrainConfig, list[EpisodeGroup]]:
    """Twelve games of the taught agent, paid by turn."""
    agent = taught_agent()
    config = fill_defaults(
        ten_word_config("train.advantage=prefix_whitened", "train.gamma=0.0", "env.reward=shaped")
    )
    groups = rollout(
        agent,
        draw_tasks(config, 0),
        4,
        make_env=lambda task: training_env(config.env, task, agent.style),
        temperature=1.0,
        seed=5,
    )
    return config, list(groups)


def test_a_run_asks_for_what_is_known() -> None:
    config, _ = played()
    assert config.env.beliefs


def test_every_sampled_token_has_its_own() -> None:
    config, groups = played()
    assigned = assign(groups, parts_of(chosen_algorithm(config.train)), config, 0)
    rows = [row for samples in assigned.samples_P for row in samples]
    assert len(rows) == 12
    for row in rows:
        trained = [a for a, own in zip(row.advantages, row.loss_mask, strict=True) if own]
        assert [a for a, own in zip(row.advantages, row.loss_mask, strict=True) if not own] == [
            0.0
        ] * (len(row.token_ids) - len(trained))
    assert any(len(set(row.advantages)) > 3 for row in rows)
    means = [mean for group in assigned.advantages_PG for mean in group]
    by_hand = [sum(row.advantages) / sum(row.loss_mask) for row in rows]
    assert means == pytest.approx(by_hand)


def test_equal_beginnings_have_equal_first_advantages() -> None:
    """All games of a step open in the same state: what differs there is what was earned alone."""
    config, groups = played()
    assigned = assign(groups, parts_of(chosen_algorithm(config.train)), config, 0)
    rows = [row for samples in assigned.samples_P for row in samples]
    episodes = [e for group in groups for e in group.episodes]
    opened = {}
    for row, episode in zip(rows, episodes, strict=True):
        first = row.advantages[row.loss_mask.index(True)]
        opened.setdefault(episode.turns[0].reward, set()).add(round(first, 9))
    assert len(opened) > 1
    assert all(len(found) == 1 for found in opened.values())


def test_shuffled_they_still_fit_their_tokens() -> None:
    config, groups = played()
    train = config.train.model_copy(update={"shuffle_advantages": True})
    shuffled = config.model_copy(update={"train": train})
    parts = parts_of(chosen_algorithm(config.train))
    straight, mixed = assign(groups, parts, config, 0), assign(groups, parts, shuffled, 0)
    for rows, others in zip(straight.samples_P, mixed.samples_P, strict=True):
        assert [r.token_ids for r in rows] == [r.token_ids for r in others]
        assert {a for r in others for a in r.advantages} <= {a for r in rows for a in r.advantages}
    assert straight.samples_P != mixed.samples_P


def test_as_many_as_there_are_tokens() -> None:
    _, groups = played()
    wrong = [[(1.0,)] * len(episode.turns) for episode in groups[0].episodes]
    with pytest.raises(SampleError, match=r"1 advantages for \d+ tokens"):
        group_samples(groups[0], wrong)
