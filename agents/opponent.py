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

    Copies of a game share the agent.

    Args:
        agent: who plays. It may play in many games at once.
        temperature: 0 for its best move, else the temperature it is sampled at.
    """

    def __init__(self, agent: Agent, *, temperature: float = 0.0) -> None:
        self._agent = agent
        self._temperature = temperature
        self._loaded_as: str | None = None

    def __repr__(self) -> str:
        return f"AgentOpponent({self._agent.name!r}, temperature={self._temperature})"

    def __reduce__(self) -> tuple[Any, ...]:
        """One that was loaded by its name is loaded again: weights do not travel with a game."""
        if self._loaded_as is not None:
            return load_opponent, (self._loaded_as, self._temperature)
        return super().__reduce__()  # type: ignore[return-value]

    def __deepcopy__(self, memo: dict[int, Any]) -> AgentOpponent:
        """This one: weights are not copied with a game."""
        return self

    @property
    def fingerprint(self) -> str:
        """Equal for opponents that play alike: of a model, its weights."""
        who = getattr(self._agent, "fingerprint", self._agent.name)
        return f"{who} at temperature {self._temperature}"

    @property
    def style(self) -> Style:
        """How the agent is spoken to."""
        return self._agent.style

    def begin_game(self, public: Mapping[str, Any], seed: int) -> AgentInGame:
        """Start a game of these rules; `seed` is that of the agent's own randomness."""
        # What it sees first comes with its first move: it may be the second to move.
        return AgentInGame(self, Opening(observation="", info={}, seed=seed, public=public))

    def player(self, opening: Opening) -> Player:
        """The agent in a game."""
        return self._agent.begin([opening], temperature=self._temperature)

    @property
    def name(self) -> str:
        """The agent's."""
        return self._agent.name


class AgentInGame:
    """One game of an opponent. A copy has what was said answered again, from the same seed."""

    def __init__(self, opponent: AgentOpponent, opening: Opening) -> None:
        self._opponent = opponent
        self._opening = opening
        self._seen: tuple[str, ...] = ()
        self._player: Player | None = opponent.player(opening)

    def __getstate__(self) -> dict[str, Any]:
        """Without the player, which holds the agent and what it has computed."""
        return {**self.__dict__, "_player": None}

    def answer(self, observation: str) -> str:
        """The agent's move.

        Raises:
            OpponentError: it has none, since its context is full.
        """
        self._player = self._player or self._caught_up()
        self._seen += (observation,)
        move = self._player.act({0: View(observation=observation, info={})}).get(0)
        if move is None:
            name = self._opponent.name
            raise OpponentError(f"opponent {name!r} has no answer: its context is full")
        return move.action

    def _caught_up(self) -> Player:
        player = self._opponent.player(self._opening)
        for seen in self._seen:
            player.act({0: View(observation=seen, info={})})
        return player


@lru_cache(maxsize=8)
def load_opponent(name: str, temperature: float) -> AgentOpponent:
    """The opponent that an agent's name stands for, the same one for all games of a process.

    Raises:
        ConfigError, RunError, ModelError: as `load_agent`.
    """
    opponent = AgentOpponent(load_agent(name), temperature=temperature)
    opponent._loaded_as = name
    return opponent
