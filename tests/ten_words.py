"""A game of ten words, and models small enough to play and learn it inside a test."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import torch

from wordle_rl.agents.language import LanguageAgent
from wordle_rl.agents.logprobs import token_logprobs
from wordle_rl.agents.nano import byte_tokenizer, new_model
from wordle_rl.config import TrainConfig, apply_overrides, parse
from wordle_rl.envs.feedback import feedback
from wordle_rl.envs.wordle import compact_opening
from wordle_rl.records import Episode, Sample, StepRecord
from wordle_rl.rollout import rollout
from wordle_rl.training.batch import build_samples, collate, demonstration_turns
from wordle_rl.training.games import draw_tasks, training_env
from wordle_rl.training.loops import loop_of
from wordle_rl.training.optim import adamw, set_lr
from wordle_rl.training.teacher import Demonstration

torch.set_num_threads(1)

WORDS = (
    "abbey",
    "crane",
    "dream",
    "fight",
    "happy",
    "music",
    "pound",
    "river",
    "shark",
    "zebra",
)
"""All of them training words of the split by hash."""


def tiny_agent(*, width: int = 32, seed: int = 0, max_new_tokens: int = 8) -> LanguageAgent:
    """An untrained nano of one layer, in float32 on the CPU."""
    model = new_model(layers=1, width=width, seed=seed)
    model.config.wordle_rl_style = "compact"
    model.config.wordle_rl_max_new_tokens = max_new_tokens
    return LanguageAgent(
        model,
        byte_tokenizer(),
        name="tiny",
        device="cpu",
        dtype="float32",
        style="compact",
        max_new_tokens=max_new_tokens,
    )


def taught_agent() -> LanguageAgent:
    """A tiny agent that guesses one of the ten words, any of them, at nearly every turn."""
    agent = tiny_agent()
    agent.model.load_state_dict(_taught())
    return agent


@cache
def _taught() -> dict[str, torch.Tensor]:
    agent = tiny_agent()
    imitate(agent, 150)
    return agent.model.state_dict()


def imitate(
    agent: LanguageAgent,
    steps: int,
    *,
    max_guesses: int = 6,
    opener: str | None = None,
    skill: float = 0.0,
    lr: float = 1e-2,
    decay: bool = False,
    seed: int = 0,
) -> None:
    """Learn from a player who guesses any of the ten words, whatever the feedback.

    Args:
        agent: the student.
        steps: updates on sixteen games each.
        max_guesses: of the game.
        opener: always played first; None for any word.
        skill: how often a later guess is the secret instead.
        lr: the step size.
        decay: let it fall to zero, so that what is learned does not hang on the last few steps.
        seed: of the games.
    """
    rng = np.random.default_rng(seed)
    optimizer = adamw(agent.model.parameters(), lr)
    for step in range(steps):
        set_lr([optimizer], 1 - step / steps if decay else 1.0)
        games = [_game(rng, max_guesses, opener, skill) for _ in range(16)]
        batch = collate(
            [
                sample
                for game in games
                for sample in build_samples(
                    demonstration_turns(agent.chat, game, agent.stop_ids[0])
                )
            ],
            agent.pad_id,
        )
        logprobs, _ = token_logprobs(agent.model, batch.input_ids, batch.loss_mask)
        torch.autograd.backward(-logprobs.sum() / batch.loss_mask.sum())
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)


def _game(
    rng: np.random.Generator, max_guesses: int, opener: str | None, skill: float
) -> Demonstration:
    secret = WORDS[rng.integers(len(WORDS))]
    guesses = [WORDS[i] for i in rng.integers(len(WORDS), size=max_guesses)]
    guesses = [secret if rng.random() < skill else guess for guess in guesses]
    guesses[0] = opener or guesses[0]
    if secret in guesses:
        guesses = guesses[: guesses.index(secret) + 1]
    return Demonstration(
        secret=secret,
        opening=compact_opening(5, max_guesses),
        actions=tuple(guesses),
        observations=tuple(feedback(guess, secret) for guess in guesses),
        trained=(True,) * len(guesses),
    )


def ten_word_config(*overrides: str) -> TrainConfig:
    """A few small steps on the ten words, complete."""
    config = ten_word_settings(*overrides)
    return loop_of(config.train.algo).complete(config)


def ten_word_settings(*overrides: str) -> TrainConfig:
    """A few small steps on the ten words, as they are set."""
    values: dict[str, Any] = {
        "env": {"options": {"answers": list(WORDS), "guesses": list(WORDS)}},
        "model": {"dtype": "float32", "device": "cpu"},
        "rollout": {"tasks_per_step": 3, "group_size": 4},
        "train": {"steps": 4, "warmup_steps": 2, "lr": 1e-3},
        "eval": {"every_steps": 0, "final_suite": ""},
        "save": {"checkpoint_every_steps": 2, "games_every_steps": 2},
    }
    return parse(TrainConfig, apply_overrides(values, overrides))


def sampled_win_rate(agent: LanguageAgent) -> float:
    """The share of 640 games of two guesses that are won at temperature 1."""
    config = ten_word_config("env.options.max_guesses=2", "rollout.tasks_per_step=40")
    groups = rollout(
        agent,
        draw_tasks(config, 10_000),
        16,
        make_env=lambda task: training_env(config.env, task, agent.style),
        temperature=1.0,
        seed=1,
    )
    games = [game for group in groups for game in group.episodes]
    return sum(game.solved for game in games) / len(games)


class Watcher:
    """A display that remembers what it was shown."""

    def __init__(self) -> None:
        self.records: list[StepRecord] = []
        self.games: list[Episode] = []
        self.warnings: list[str] = []
        self.phases: list[str] = []

    def step(self, record: StepRecord) -> None:
        self.records.append(record)

    def game(self, episode: Episode) -> None:
        self.games.append(episode)

    def warn(self, text: str) -> None:
        self.warnings.append(text)

    def phase(self, text: str) -> None:
        self.phases.append(text)


def weights(agent: LanguageAgent) -> dict[str, torch.Tensor]:
    """A copy of every weight."""
    return {name: p.detach().clone() for name, p in agent.model.named_parameters()}


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    """Whether two sets of weights are equal to the last bit."""
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def trained_logprobs(
    agent: LanguageAgent, samples: Sequence[Sample], temperature: float = 1.0
) -> torch.Tensor:
    """The agent's log-probabilities of the samples' trained tokens, row after row."""
    batch = collate(samples, agent.pad_id)
    with torch.no_grad():
        logprobs, _ = token_logprobs(
            agent.model, batch.input_ids, batch.loss_mask, temperature=temperature
        )
    return logprobs[batch.loss_mask]
