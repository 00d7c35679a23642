"""Who plays: a `Seat` is one player at one game, whether a person or an agent.

In: a `Setup`, which is what the command line says. Out: seats that move, and that know of the
secret what the game has told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from wordle_rl.agents.base import Agent, Move, Opening, Player, View
from wordle_rl.envs import make_env
from wordle_rl.envs.base import TextEnv
from wordle_rl.envs.wordle import WordleEnv
from wordle_rl.errors import ConfigError
from wordle_rl.evaluation.replay import Row
from wordle_rl.seeding import seed_from


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What is played, as the command line says it."""

    env_id: str = "wordle"
    seed: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)
    """Of the game, as its class takes them."""
    secret: str | None = None
    split: str | None = None
    """None for the game's default."""
    hard: bool = False
    day: date | None = None
    """Whose daily word `secret` is."""

    @property
    def is_wordle(self) -> bool:
        """Whether the game has rows and colours to draw."""
        return isinstance(make_env(self.env_id), WordleEnv)

    def make_env(self, **options: Any) -> TextEnv:
        """The game for one player; what the command line left open stays the game's default.

        Raises:
            ConfigError: the game does not take an option, or play itself has set it otherwise.
        """
        if self.split is not None:
            options["split"] = self.split
        if self.hard:
            options["hard_mode"] = True
        if "render_mode" in self.options:
            options["render_mode"] = None  # the session prints the game itself
        for key in self.options.keys() & options.keys():
            if self.options[key] != options[key]:
                raise ConfigError(
                    f"option {key}={self.options[key]!r} is {options[key]!r} in play: leave it out"
                )
        options |= self.options
        return make_env(self.env_id, **options)


@dataclass(slots=True, kw_only=True)
class Seat:
    """One player at one game, from its first observation to its end."""

    name: str
    env: TextEnv
    player: Player
    observation: str
    info: Mapping[str, Any]
    rows: list[Row] = field(default_factory=list)
    """One entry for every turn that was used up."""
    action: str = ""
    over: bool = False
    left: bool = False
    """The player gave no answer, so the game stopped before its end."""

    @property
    def solved(self) -> bool:
        """Whether the game says that it was won."""
        return bool(self.info.get("solved", False))

    def move(self, before: Callable[[Move], None] | None = None) -> bool:
        """Ask the player for one move and play it.

        Args:
            before: is shown the move before the game answers it.

        Returns:
            Whether it used up a turn.
        """
        view = View(observation=self.observation, info=self.info)
        move = self.player.act({0: view}).get(0)
        if move is None:
            self.over = self.left = True
            return False
        if before is not None:
            before(move)
        turns, self.action = self.info.get("turn", 0), move.action
        self.observation, _, terminated, truncated, info = self.env.step(move.action)
        self.info, self.over = info, terminated or truncated
        used = self.over or info.get("turn", 0) > turns
        if used:
            self.rows.append((info.get("guess") or "", info.get("feedback") or ""))
        return used


def sit_down(agent: Agent, env: TextEnv, setup: Setup, *, rows: list[Row] | None = None) -> Seat:
    """Start a game for an agent. Raises ConfigError where the game refuses the secret."""
    options = {} if setup.secret is None else {"secret": setup.secret}
    try:
        observation, info = env.reset(seed=setup.seed, options=options)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    # Not the game's own seed, from which a player at random would draw the secret itself.
    seed = seed_from(setup.seed, "player")
    opening = Opening(observation=observation, info=info, seed=seed, public=env.public())
    return Seat(
        name=agent.name,
        env=env,
        player=agent.begin([opening], temperature=0.0),
        observation=observation,
        info=info,
        rows=[] if rows is None else rows,
    )


def agent_seat(setup: Setup, agent: Agent) -> Seat:
    """An agent at a Wordle, under the rules by which it is measured."""
    return sit_down(agent, setup.make_env(style=agent.style), setup)
