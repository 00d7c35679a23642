"""The average of the weights: what it is, and that it alone is validated, saved and left behind."""

from contextlib import suppress
from pathlib import Path

import torch
from torch import Tensor

from tests.ten_words import Watcher, same, taught_agent, ten_word_config, weights
from wordle_rl.agents.language import LanguageAgent
from wordle_rl.records import StepRecord
from wordle_rl.run_dir import RunDir
from wordle_rl.training.trainer import train
from wordle_rl.training.weight_average import WeightAverage

Weights = dict[str, Tensor]


def lerp(a: Weights, b: Weights, share: float) -> Weights:
    """(1 - share) of `a` and `share` of `b`."""
    return {name: (1 - share) * a[name] + share * b[name] for name in a}


def close(a: Weights, b: Weights) -> bool:
    return all(torch.allclose(a[name], b[name], rtol=1e-5, atol=1e-7) for name in a)


@torch.no_grad()
def move(agent: LanguageAgent, by: float) -> Weights:
    """Add a number to all weights; returns them."""
    for parameter in agent.model.parameters():
        parameter.add_(by)
    return weights(agent)


def test_a_step_keeps_the_decay_of_the_average_and_less_at_first() -> None:
    agent = taught_agent()
    expected = weights(agent)
    average = WeightAverage(model=agent.model, decay=0.3)
    for step, kept in [(1, 1 / 10), (2, 2 / 11), (3, 3 / 12), (4, 0.3), (5, 0.3)]:
        now = move(agent, by=1.0)
        average.follow(step)
        expected = lerp(expected, now, 1 - kept)
        with average.in_place():
            assert close(weights(agent), expected)
        assert same(weights(agent), now)


def test_the_weights_in_training_come_back_after_an_interruption() -> None:
    agent = taught_agent()
    average = WeightAverage(model=agent.model, decay=0.9)
    now = move(agent, by=1.0)
    with suppress(KeyboardInterrupt), average.in_place():
        assert not same(weights(agent), now)
        raise KeyboardInterrupt
    assert same(weights(agent), now)


def test_without_a_decay_nothing_is_held_and_nothing_happens() -> None:
    agent = taught_agent()
    average = WeightAverage(model=agent.model, decay=0.0)
    assert not average.modules
    now = move(agent, by=1.0)
    average.follow(1)
    with average.in_place():
        assert same(weights(agent), now)


class Remembering(Watcher):
    """Keeps the weights in training after each step."""

    def __init__(self, agent: LanguageAgent) -> None:
        super().__init__()
        self.agent = agent
        self.weights = [weights(agent)]

    def step(self, record: StepRecord) -> None:
        self.weights.append(weights(self.agent))


def test_validated_saved_and_left_behind_is_the_average(tmp_path: Path) -> None:
    config = ten_word_config(
        "train.ema_decay=0.25",
        "train.steps=4",
        "train.lr=1e-2",
        "eval.every_steps=1",
        "save.checkpoint_every_steps=1",
        "save.keep_checkpoints=4",
    )
    agent, validated = taught_agent(), []

    def validate(player: LanguageAgent) -> dict[str, float]:
        validated.append(weights(player))
        return {"eval/greedy_win_rate": 0.5}

    watcher = Remembering(agent)
    train(agent, config, RunDir(tmp_path), display=watcher, validate=validate)
    expected = watcher.weights[0]
    for step, kept in [(1, 1 / 10), (2, 2 / 11), (3, 1 / 4), (4, 1 / 4)]:
        expected = lerp(expected, watcher.weights[step], 1 - kept)
        saved = LanguageAgent.load(str(tmp_path / "checkpoints" / f"step-{step}"))
        assert close(validated[step - 1], expected)
        assert same(weights(saved), validated[step - 1])
    assert same(weights(agent), validated[-1])
    assert not close(validated[-1], watcher.weights[-1])
