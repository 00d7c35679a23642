"""The other side of a two-player game: protocol, names, and a player that moves at random.

An opponent is any callable that is given the game so far as its own side has heard it, and a
generator of its own, and returns an action:

    def always_centre(observation: str, generator: np.random.Generator) -> str:
        return "[4]"

The observation is the whole transcript in chat style, its own actions included, so an opponent
needs no memory. Its randomness comes from the generator alone, so a seed fixes the game.

One that has a memory, as a language model with what it has read, is a `TalkingOpponent`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol, cast, runtime_checkable

import numpy as np

from wordle_rl.envs.base import Style
from wordle_rl.envs.perfect_play import (
    GREEDY_PLAYERS,
    PERFECT_PLAYERS,
    MoveByRule,
    nim_piles,
    tic_tac_toe_board,
)
from wordle_rl.envs.plugins import is_plugin, load_plugin
from wordle_rl.envs.text_arena_games import arena_name
from wordle_rl.errors import ConfigError, unknown_name

Opponent = Callable[[str, np.random.Generator], str]
"""(what its side has heard, its generator) -> an action."""
BY_RULE = ("random", "greedy", "perfect")
OPPONENTS = (*BY_RULE, "agent:NAME", "sampled:NAME")
AGENTS: Mapping[str, float] = {"agent": 0.0, "sampled": 1.0}
"""What stands before an agent's name -> the temperature that it plays at."""
LOAD_AGENT = "wordle_rl.agents.opponent:load_opponent"
"""Agents are a layer above the games, so it is looked up when one is named, as a user's code is."""


class Conversation(Protocol):
    """One game of a `TalkingOpponent`."""

    def answer(self, observation: str) -> str:
        """The action that follows what was said since the action before."""
        ...


@runtime_checkable
class TalkingOpponent(Protocol):
    """An opponent with a memory: it is told what is new, in its own style."""

    @property
    def style(self) -> Style:
        """How it is spoken to."""
        ...

    def begin_game(self, public: Mapping[str, Any], seed: int) -> Conversation:
        """Start a game of these rules (`TextEnv.public`); `seed` fixes its own randomness."""
        ...


_LISTED = re.compile(
    r"(?:available (?:moves|actions)|valid moves|possible actions|your options|remaining hand"
    r"|remaining money cards|legal moves)[^:\n]*:([^\n]*)",
    re.IGNORECASE,
)
_BRACKETED = re.compile(r"\[[^\[\]\n]+\]")
_BLANK = re.compile(r"(?<=\[bet )X|(?<=\[raise )X|(?<=\[swap )X|(?<=\[swap X )Y")
"""What a player has to fill in: amounts and places, for which 1 always does."""
_TOP = re.compile(r"[XO]:([.XO]+)/")
"""The top row of ConnectFour in the compact style."""


def find_opponent(
    opponent: str | Opponent | TalkingOpponent, game: str
) -> Opponent | TalkingOpponent:
    """The opponent of a name, or the one that was handed in.

    Args:
        opponent: "random", "greedy" or "perfect" (where the game has such a player); an agent as
            "agent:NAME" for its best moves or "sampled:NAME" for those it draws at temperature 1,
            with a name that `evaluate` knows; a user's own as `package.module:name`; a callable or
            a `TalkingOpponent`.
        game: an id of TextArena.

    Raises:
        ConfigError: there is none of that name, or none for this game.
        RunError, ModelError: the agent of that name cannot be loaded.
    """
    if not isinstance(opponent, str):
        return _checked(opponent, repr(opponent))
    if opponent in BY_RULE:
        return opponent_by_rule(opponent, game)
    kind, _, agent = opponent.partition(":")
    if kind in AGENTS:
        if not agent:
            raise ConfigError(f"opponent {opponent!r} names no agent: write {kind}:nano")
        return cast("TalkingOpponent", load_plugin("opponent", LOAD_AGENT)(agent, AGENTS[kind]))
    if is_plugin(opponent):
        return _checked(load_plugin("opponent", opponent), repr(opponent))
    raise unknown_name("opponent", opponent, OPPONENTS)


def candidate_moves(game: str, observation: str) -> tuple[str, ...]:
    """Moves of the side to move, read from what it has heard.

    Where the game lists its legal moves, these. Else those of the games in `_MOVES`, which are
    legal but for full columns, cards that were played and the like. Else whatever the rules show
    in brackets as an example, which may be refused: two refusals lose the game.

    >>> candidate_moves("TicTacToe-v0", "Available Moves: '[0]', '[7]'")
    ('[0]', '[7]')
    >>> candidate_moves("IteratedRockPaperScissors-v0", "")
    ('[rock]', '[paper]', '[scissors]')
    """
    moves = _listed_moves(observation)
    if not moves and (name := arena_name(game)) in _MOVES:
        moves = _MOVES[name](observation)
    moves = moves or _BRACKETED.findall(observation) or ["[pass]"]
    return tuple(dict.fromkeys(_BLANK.sub("1", move) for move in moves))


def _listed_moves(observation: str) -> list[str]:
    """The moves of the newest line that lists any."""
    for line in reversed(observation.split("\n")):
        if (listing := _LISTED.search(line)) and (moves := _BRACKETED.findall(listing[1])):
            return moves
    return []


_PLAYERS = {"greedy": GREEDY_PLAYERS, "perfect": PERFECT_PLAYERS}


def fingerprint_of(opponent: str | Opponent | TalkingOpponent, game: str) -> str:
    """What tells an agent from others of its name, such as its weights; empty for other opponents.

    Raises:
        ConfigError, RunError, ModelError: as `find_opponent`.
    """
    return str(getattr(find_opponent(opponent, game), "fingerprint", ""))


def opponent_by_rule(opponent: str, game: str) -> Opponent:
    """One of `BY_RULE`. Raises ConfigError where there is none for this game."""
    if opponent == "random":
        return MoveByRule(partial(candidate_moves, game))
    name, players = arena_name(game), _PLAYERS[opponent]
    if name not in players:
        known = ", ".join(sorted(players))
        raise ConfigError(f"there is no {opponent} opponent for {game!r}: there is one for {known}")
    return players[name]


def _checked(opponent: object, name: str) -> Opponent | TalkingOpponent:
    if isinstance(opponent, TalkingOpponent):
        return opponent
    if not callable(opponent) or isinstance(opponent, type):
        raise ConfigError(
            f"opponent {name} is not a function of (observation, generator): "
            f"it is a {type(opponent).__name__}; wrap an agent in agents.opponent.AgentOpponent"
        )
    return cast("Opponent", opponent)


# --- games that do not list their moves


def _fixed(*moves: str) -> Callable[[str], list[str]]:
    return lambda _: list(moves)


def _columns(observation: str) -> list[str]:
    """ConnectFour: the columns whose top cell is free in the newest board."""
    _, shown, board = observation.rpartition("Board state:\n")
    if shown:
        top = board.split("\n")[2].replace(" ", "")
    else:
        top = (_TOP.findall(observation) or ["." * 7])[-1]
    return [f"[col {i}]" for i, cell in enumerate(top) if cell == "."]


def _free_cells(observation: str) -> list[str]:
    """TicTacToe in the compact style, which does not list them."""
    board = tic_tac_toe_board(observation)
    return [f"[{i}]" for i, cell in enumerate(board) if cell == " "]


def _removals(observation: str) -> list[str]:
    """Nim: every number of objects from every pile."""
    piles = nim_piles(observation)
    return [f"[{i} {n}]" for i, pile in enumerate(piles) for n in range(1, pile + 1)]


def _allocations(observation: str) -> list[str]:
    """ColonelBlotto: everything on one field, or as evenly as can be."""
    fields = re.findall(r"Available fields: ([A-Z, ]+)", observation)[-1].split(", ")
    units = int(re.findall(r"Units to allocate: (\d+)", observation)[-1])
    even = [units // len(fields) + (i < units % len(fields)) for i in range(len(fields))]
    rows = [[units if i == j else 0 for j in range(len(fields))] for i in range(len(fields))]
    named = (zip(fields, row, strict=True) for row in [even, *rows])
    return ["[" + " ".join(f"{field}{n}" for field, n in row) + "]" for row in named]


_DIRECTIONS = _fixed("[up]", "[down]", "[left]", "[right]")
_MOVES: dict[str, Callable[[str], list[str]]] = {
    "Battleship": _fixed(*(f"[{row}{column}]" for row in "ABCDE" for column in range(5))),
    "Briscola": _fixed("[play 1]", "[play 2]", "[play 3]"),
    "Chopsticks": _fixed("[attack 0 0]", "[attack 0 1]", "[attack 1 0]", "[attack 1 1]"),
    "ColonelBlotto": _allocations,
    "ConnectFour": _columns,
    "GermanWhist": _fixed(*(f"[play {i}]" for i in range(1, 14))),
    "IteratedMatchingPennies": _fixed("[heads]", "[tails]"),
    "IteratedPrisonersDilemma": _fixed("[Cooperate]", "[Defect]"),
    "IteratedRockPaperScissors": _fixed("[rock]", "[paper]", "[scissors]"),
    "IteratedTwoThirdsAverage": _fixed(*(f"[{n}]" for n in range(0, 101, 5))),
    "LiarsDice": _fixed("[Call]", "[Bid: 2, 3]", "[Bid: 3, 3]", "[Bid: 4, 5]"),
    "MemoryGame": _fixed(
        *(f"[{i // 4} {i % 4} {j // 4} {j % 4}]" for i in range(16) for j in range(i))
    ),
    "Nim": _removals,
    "Poker": _fixed("[Check]", "[Call]"),
    "Snake": _DIRECTIONS,
    "Surround": _DIRECTIONS,
    "TicTacToe": _free_cells,
}
