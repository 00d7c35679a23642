"""An agent as the other side of a game for two.

    env = make_env("textarena:TicTacToe-v0", opponent=AgentOpponent(agent))
    env = make_env("textarena:TicTacToe-v0", opponent="agent:runs/tictactoe")

It is spoken to as when it is measured: in its own style, and told what is new since its last move.
Each game has a player of its own, so what a language model has read is not read again; games that
run together ask it one after the other, not as a batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from wordle_rl.agents.base import Agent, Opening, Player, View
from wordle_rl.agents.loading import load_agent
from wordle_rl.envs.base import Style
from wordle_rl.errors import OpponentError


class AgentOpponent:
    """Any agent as an opponent (`envs.opponents.TalkingOpponent`).

    Args:
        agent: who plays. It may play in many games at once.
        temperature: 0 for its best move, else the temperature it is sampled at.
    """

    def __init__(self, agent: Agent, *, temperature: float = 0.0) -> None:
        self._agent = agent
        self._temperature = temperature

    def __repr__(self) -> str:
        return f"AgentOpponent({self._agent.name!r}, temperature={self._temperature})"

    @property
    def style(self) -> Style:
        """How the agent is spoken to."""
        return self._agent.style

    def begin_game(self, public: Mapping[str, Any], seed: int) -> AgentInGame:
        """Start a game of these rules; `seed` is that of the agent's own randomness."""
        # What it sees first comes with its first move: it may be the second to move.
        opening = Opening(observation="", info={}, seed=seed, public=public)
        player = self._agent.begin([opening], temperature=self._temperature)
        return AgentInGame(self._agent.name, player)


class AgentInGame:
    """One game of an opponent."""

    def __init__(self, name: str, player: Player) -> None:
        self._name = name
        self._player = player

    def answer(self, observation: str) -> str:
        """The agent's move.

        Raises:
            OpponentError: it has none, since its context is full.
        """
        move = self._player.act({0: View(observation=observation, info={})}).get(0)
        if move is None:
            raise OpponentError(f"opponent {self._name!r} has no answer: its context is full")
        return move.action


@lru_cache(maxsize=8)
def load_opponent(name: str, temperature: float) -> AgentOpponent:
    """The opponent that an agent's name stands for, the same one for all games of a process.

    Raises:
        ConfigError, RunError, ModelError: as `load_agent`.
    """
    return AgentOpponent(load_agent(name), temperature=temperature)
