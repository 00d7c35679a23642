"""Where the games of a step come from: played when they are needed, or one step ahead.

Pipelined, the games of step k + 1 are played in a second thread while step k is learned from, by a
copy of the policy as it was before that update. So they are one update old (asynchronous RLHF,
Noukhovitch et al. 2024, arXiv 2410.18252); the ratio of the loss is against the policy that played,
and with several updates on a batch `train.correction` makes up for the rest. What is played is a
function of seed, step and weights as before: a checkpoint holds the older weights as well, and a
resumed run plays the same games again.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Thread
from typing import Any, Protocol

import torch
from torch import nn

from wordle_rl.agents.chat import ChatRenderer
from wordle_rl.agents.language import LanguageAgent
from wordle_rl.config import TrainConfig
from wordle_rl.errors import ConfigError
from wordle_rl.training.games import Past
from wordle_rl.training.processes import check_alone
from wordle_rl.training.samplers import Sampler, new_sampler
from wordle_rl.training.sampling import Phase, Played, sample_games
from wordle_rl.training.scoring import WeightedScorer
from wordle_rl.training.sharding import whole_weights


class GameSource(Protocol):
    """Gives the games of each step, in the order of the steps."""

    @property
    def modules(self) -> Mapping[str, nn.Module]:
        """What a checkpoint has to hold for the games to be the same after it."""
        ...

    def games(self, step: int, past: Past, phase: Phase) -> Played:
        """The games of a step (0 for the first), given all that was logged before it."""
        ...

    def close(self) -> None:
        """No further games are wanted."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class InTurn:
    """Plays the games of a step when they are asked for."""

    policy: LanguageAgent
    sampler: Sampler
    config: TrainConfig
    greedy: bool
    scorers: Sequence[WeightedScorer]

    @property
    def modules(self) -> Mapping[str, nn.Module]:
        """Nothing: the policy plays."""
        return {}

    def games(self, step: int, past: Past, phase: Phase) -> Played:
        """Played by the policy as it is."""
        with whole_weights(self.policy):
            return sample_games(
                self.sampler.player(),
                self.config,
                step,
                past=past,
                greedy=self.greedy,
                scorers=self.scorers,
                phase=phase,
            )

    def close(self) -> None:
        """Nothing is going on."""


@dataclass(slots=True, kw_only=True)
class Pipelined:
    """Plays the games of the next step while the caller learns from those it was given."""

    policy: LanguageAgent
    config: TrainConfig
    greedy: bool
    scorers: Sequence[WeightedScorer]
    _player: LanguageAgent = field(init=False)
    _sampler: Sampler = field(init=False)
    _running: Future[Played] | None = field(init=False, default=None)
    _threads: int = field(init=False, default_factory=torch.get_num_threads)

    def __post_init__(self) -> None:
        self._player = twin(self.policy)
        self._sampler = new_sampler(self._player, self.config)
        here = not self.config.sampler.base_url
        if here and self.policy.device.type == "cpu":  # each half of a step has half of the threads
            torch.set_num_threads(max(1, self._threads // 2))

    @property
    def modules(self) -> Mapping[str, nn.Module]:
        """The weights that play."""
        return {"player": nn.ParameterList(p for _, p in self._trained())}

    def games(self, step: int, past: Past, phase: Phase) -> Played:
        """The games of a step; those of the next one begin.

        The first step of a run, or after a checkpoint, is played with the weights that are there
        already: the ones it began with, or those that the checkpoint held.
        """
        phase("playing")
        running = self._running or self._start(step, past)
        played = running.result()
        self._running = None
        self._follow()  # after the last step too: the run may be prolonged
        if step + 1 < self.config.train.steps:
            self._running = self._start(step + 1, past)
        return played

    def close(self) -> None:
        """Wait for the games that are being played, which nobody asks for any more."""
        if self._running is not None:
            with suppress(Exception):  # theirs, too
                self._running.result()
        torch.set_num_threads(self._threads)

    def _trained(self) -> list[tuple[nn.Parameter, nn.Parameter]]:
        """(the policy's, the player's) weights that are trained."""
        pairs = zip(self.policy.model.parameters(), self._player.model.parameters(), strict=True)
        return [(p, q) for p, q in pairs if p.requires_grad]

    def _follow(self) -> None:
        """Give the player the weights that the policy has now."""
        with torch.no_grad():
            for theirs, ours in self._trained():
                ours.copy_(theirs)

    def _start(self, step: int, past: Past) -> Future[Played]:
        """Begin to play a step; what was logged of the step before it is not known yet, ever."""
        known = max(0, step - 1)
        past = Past(metrics=tuple(past.metrics[:known]), played=tuple(past.played[:known]))
        done: Future[Played] = Future()
        player = self._sampler.player()

        def play() -> None:
            try:
                done.set_result(
                    sample_games(
                        player,
                        self.config,
                        step,
                        past=past,
                        greedy=self.greedy,
                        scorers=self.scorers,
                    )
                )
            except BaseException as error:  # raised where the games are asked for
                done.set_exception(error)

        # A daemon: whoever stops the program at once does not wait for games.
        Thread(target=play, name="rollout", daemon=True).start()
        return done


def twin(agent: LanguageAgent) -> LanguageAgent:
    """A copy that plays as the agent does now and may play in another thread.

    Weights that are not trained are shared.
    """
    frozen: dict[int, Any] = {id(p): p for p in agent.model.parameters() if not p.requires_grad}
    other = copy.copy(agent)
    other.model = copy.deepcopy(agent.model, frozen)
    other.tokenizer = copy.deepcopy(agent.tokenizer)
    other.chat = ChatRenderer(other.tokenizer, agent.chat.options)
    return other


def check_pipelined(config: TrainConfig, processes: int | None = None) -> None:
    """Find out that games cannot be played ahead before anything is loaded or written.

    Args:
        config: complete settings.
        processes: None for those that are running.

    Raises:
        ConfigError: several processes share the run, or steps are to be recorded on a device that
            another thread is using.
    """
    if not config.rollout.pipelined:
        return
    check_alone("rollout.pipelined=true", processes)
    if config.model.cuda_graphs:
        raise ConfigError(
            "model.cuda_graphs=true records what the GPU does, which rollout.pipelined=true lets "
            "another thread use meanwhile: leave one of them out"
        )


def game_source(
    agent: LanguageAgent,
    config: TrainConfig,
    *,
    greedy: bool,
    scorers: Sequence[WeightedScorer],
) -> GameSource:
    """How the settings want games to be played.

    Args:
        agent: the policy that is trained.
        config: complete settings (`algorithms.fill_defaults`).
        greedy: play a greedy game of each task as well.
        scorers: score finished games beside the game's own reward.
    """
    if config.rollout.pipelined:
        return Pipelined(policy=agent, config=config, greedy=greedy, scorers=scorers)
    sampler = new_sampler(agent, config)
    return InTurn(policy=agent, sampler=sampler, config=config, greedy=greedy, scorers=scorers)
