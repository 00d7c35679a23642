"""A person at a browser against an agent, on one secret, turn by turn.

In: an agent's name, guesses. Out: plain data for the page, in which neither the secret nor the
agent's letters appear before the person's game is over. Games live in memory, the oldest give way.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

from wordle_rl.agents.base import Agent, Move, Player
from wordle_rl.envs import make_env
from wordle_rl.errors import StoreError, unknown_name
from wordle_rl.evaluation.possible import words_left
from wordle_rl.evaluation.replay import best_marks
from wordle_rl.records import Task
from wordle_rl.rollout import RunningGame

GAME = "wordle"
MAX_GAMES = 500
"""Games that are kept; the one that was touched longest ago goes first."""
MAX_SLIPS = 100
"""Refused words after which a person's game ends."""
MAX_TURNS = 1000
LONGEST_GUESS = 64
REFUSALS = {
    "no_guess": "Type one word of five letters.",
    "bad_chars": "Only the letters a to z count.",
    "bad_length": "The word has five letters.",
    "unknown_word": "Not in the word list.",
}
LoadAgent = Callable[[str], Agent]


class NoSuchGame(StoreError):
    """The game was never begun, or has given way to newer ones."""


@dataclass(slots=True, kw_only=True)
class Duel:
    """A person's game and an agent's, on the same secret."""

    agent: str
    you: RunningGame
    them: RunningGame
    player: Player
    lock: Lock

    def guess(self, word: str) -> str | None:
        """Play a word of the person; what to say where it was refused.

        The agent moves once for each turn of the person, and to its end when that game is over.
        """
        if self.over:
            return "The game is over."
        self.you.play(Move(action=f"[{word.strip()[:LONGEST_GUESS]}]"), MAX_TURNS)
        if not self.over and not self.you.info.get("feedback"):
            return REFUSALS.get(str(self.you.info["status"]), "The game refuses this word.")
        self._agent_moves(once=not self.over)
        return None

    def give_up(self) -> None:
        """End the person's game, and let the agent finish."""
        if not self.over:
            self.you.play(None, MAX_TURNS)
            self._agent_moves(once=False)

    @property
    def over(self) -> bool:
        """Whether the person's game is over; only then anything is revealed."""
        return self.you.stop_reason is not None

    def _agent_moves(self, *, once: bool) -> None:
        while self.them.stop_reason is None:
            self.them.play(self.player.act({0: self.them.view()}).get(0), MAX_TURNS)
            if once:
                return

    def state(self) -> dict[str, Any]:
        """What the page may know now."""
        rules = self.you.env.public()
        mine, theirs = _rows(self.you), _rows(self.them)
        scored = [row for row in mine if row[1]]
        known = words_left(scored, rules["answers"])
        return {
            "agent": self.agent,
            "word_length": rules["word_length"],
            "max_guesses": rules["max_guesses"],
            "over": self.over,
            "you": {
                "rows": [{"guess": guess, "marks": marks} for guess, marks in scored],
                "solved": _solved(self.you),
                "left": known[-1].left if known else len(rules["answers"]),
                "keys": best_marks(scored),
            },
            "them": {
                "rows": [
                    {"guess": guess if self.over else "", "marks": marks} for guess, marks in theirs
                ],
                "solved": _solved(self.them),
                "over": self.them.stop_reason is not None,
            },
            "secret": self.you.task.secret if self.over else None,
        }


class PlayTable:
    """The running games of a server.

    Args:
        agents: who can be played against, by name; nobody else is ever loaded.
        load: turns a name into an agent, when it is first played against.
    """

    def __init__(self, agents: Sequence[str], load: LoadAgent) -> None:
        self.agents = tuple(agents)
        self._load = load
        self._loaded: dict[str, tuple[Agent, Lock]] = {}
        self._duels: OrderedDict[str, Duel] = OrderedDict()
        self._lock = Lock()

    def begin(self, agent: str, secret: str | None = None) -> str:
        """Start a game; returns its id. `secret` is drawn by default.

        Raises:
            ConfigError: the agent is not one of `agents`.
        """
        if agent not in self.agents:
            raise unknown_name("opponent", agent, self.agents)
        player, lock = self._agent(agent)
        with lock:
            duel = _start(agent, player, lock, secret)
        game_id = secrets.token_urlsafe(16)
        with self._lock:
            self._duels[game_id] = duel
            while len(self._duels) > MAX_GAMES:
                self._duels.popitem(last=False)
        return game_id

    def guess(self, game_id: str, word: str) -> dict[str, Any]:
        """Play a word and return the new state, with what was refused."""
        duel = self._duel(game_id)
        with duel.lock:
            refused = duel.guess(word)
            return {**duel.state(), "refused": refused}

    def give_up(self, game_id: str) -> dict[str, Any]:
        """End a game and return its state."""
        duel = self._duel(game_id)
        with duel.lock:
            duel.give_up()
            return {**duel.state(), "refused": None}

    def state(self, game_id: str) -> dict[str, Any]:
        """The state of a game."""
        duel = self._duel(game_id)
        with duel.lock:
            return {**duel.state(), "refused": None}

    def _duel(self, game_id: str) -> Duel:
        with self._lock:
            if game_id not in self._duels:
                raise NoSuchGame("this game is gone: start a new one")
            self._duels.move_to_end(game_id)
            return self._duels[game_id]

    def _agent(self, name: str) -> tuple[Agent, Lock]:
        """An agent and the lock under which it plays: models do one thing at a time."""
        with self._lock:
            if name not in self._loaded:
                self._loaded[name] = self._load(name), Lock()
            return self._loaded[name]


def _start(name: str, agent: Agent, lock: Lock, secret: str | None) -> Duel:
    task = Task(
        env_id=GAME,
        task_id="browser",
        seed=secrets.randbelow(2**31),
        options={"secret": secret or secrets.choice(make_env(GAME).public()["answers"])},
    )
    you = RunningGame(
        task=task, env=make_env(GAME, invalid_policy="free", max_invalid=MAX_SLIPS, style="chat")
    )
    them = RunningGame(task=task, env=make_env(GAME, style=agent.style))
    you.open(task.seed)
    opening = them.open(task.seed)
    assert opening is not None, "Wordle opens with any of its answers"
    player = agent.begin([opening], temperature=0.0)
    return Duel(agent=name, you=you, them=them, player=player, lock=lock)


def _rows(game: RunningGame) -> list[tuple[str, str]]:
    return [(str(t.info.get("guess", "")), str(t.info.get("feedback", ""))) for t in game.turns]


def _solved(game: RunningGame) -> bool:
    return bool(game.info.get("solved", False))
