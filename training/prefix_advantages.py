"""Credit by token without a critic: what was earned after the same beginning.

The answers of a step form trees. At a root is what was known before a turn; a path spells an answer
token by token. The mean of what was earned below a node estimates its value, so a token answers for
what it changed and not for the tokens before it (TEMPO's prefix values: Tran et al. 2025, arXiv
2509.18314). The trees of all groups are one here: equal knowledge, equal root.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field

from wordle_rl.training.credit import (
    RANGE_TOLERANCE,
    AdvantageInputs,
    GameInputs,
    TokenValues,
    return_to_go,
)

PRIOR = 16.0
"""How many turns the node above counts as, where a node has few of its own."""
FLOOR = 0.1
"""Of the deviation at the coarsest node: what is added to that at a finer one, which may be 0."""


@dataclass(slots=True)
class _Turn:
    """One turn on its way down a tree."""

    kind: Hashable
    """What turns it is compared with at first."""
    possible: int
    state: Hashable
    answer: Sequence[int]
    earned: float
    """G_k."""
    value: float = 0.0
    """Of its node, as the others' turns tell."""
    variance: float = 0.0
    floor: float = 0.0
    credits: list[float] = field(default_factory=list)

    def follow(self, tokens: int) -> None:
        """The advantage of so many tokens that are chosen at one node."""
        scale = _scale(self.variance, self.floor)
        self.credits += [(self.earned - self.value) / scale if scale else 0.0] * tokens


def _scale(variance: float, floor: float) -> float:
    return math.sqrt(variance) + floor


def prefix_whitened(inputs: AdvantageInputs) -> TokenValues:
    """(G_k - V) / (sigma + floor) for every token, V and sigma of the turns that began alike.

    The nodes of a token are, from coarse to fine: turns of a game with about as many secrets
    possible, to a factor of two (the same turns, where a game does not tell); with as many; with
    the same knowledge (`anchors`); with an answer that begins with the tokens before it. V is the
    mean of the other turns of a node, drawn towards the node above by `PRIOR` turns, and sigma
    their deviation likewise, so neither knows how the turn ended that it is for. Only the deviation
    at the coarsest node has all of its turns in it; the floor is `FLOOR` of that. A token that all
    turns of a node have in common has the advantage of the next one.

    All secrets share the trees. So this is for turns that are paid for what they were worth by what
    was known (gamma = 0 with `guaranteed_information`, say): the luck of a secret stays in.
    """
    games = [
        _turns(game, group.env_id, inputs.gamma) for group in inputs.groups for game in group.games
    ]
    for alike in _parted([turn for game in games for turn in game], lambda turn: turn.kind):
        _start(alike)
        for as_many in _narrowed(alike, lambda turn: turn.possible):
            for known in _narrowed(as_many, lambda turn: turn.state):
                _descend(known)
    left = iter([[tuple(turn.credits) for turn in game] for game in games])
    return [[next(left) for _ in group.games] for group in inputs.groups]


def _turns(game: GameInputs, env_id: str, gamma: float) -> list[_Turn]:
    turns = range(len(game.rewards))
    return [
        _Turn(
            kind=(env_id, possible.bit_length() if game.possible else f"turn {k}"),
            possible=possible,
            state=state,
            answer=answer,
            earned=earned,
        )
        for k, possible, state, answer, earned in zip(
            turns,
            game.possible or (0 for _ in turns),
            game.anchors or (None for _ in turns),
            game.answers or ((0,) for _ in turns),
            return_to_go(game.rewards, gamma),
            strict=True,
        )
    ]


def _parted(turns: Sequence[_Turn], key: Callable[[_Turn], Hashable]) -> list[list[_Turn]]:
    parts: defaultdict[Hashable, list[_Turn]] = defaultdict(list)
    for turn in turns:
        parts[key(turn)].append(turn)
    return list(parts.values())


def _narrowed(turns: Sequence[_Turn], key: Callable[[_Turn], Hashable]) -> list[list[_Turn]]:
    """The finer nodes below one; where there is but one of them, it has nothing new to say."""
    parts = _parted(turns, key)
    for part in parts if len(parts) > 1 else ():
        _learn(part, prior=PRIOR)
    return parts


def _start(turns: Sequence[_Turn]) -> None:
    """What all turns of one kind say of each of them."""
    for turn in turns:
        turn.value = turn.earned  # of one that is alone: it answers for nothing
    spread = _learn(turns, prior=0.0)
    for turn in turns:
        turn.variance, turn.floor = spread**2, FLOOR * spread


def _descend(turns: list[_Turn]) -> None:
    """Walk the tree of answers to one state, node by node."""
    nodes = [(turns, 0)]
    while nodes:
        members, depth = nodes.pop()
        for turn in members:
            turn.follow(min(1, len(turn.answer) - depth))
        going_on = [turn for turn in members if len(turn.answer) > depth + 1]
        for part in _narrowed(going_on, lambda turn: turn.answer[depth]):  # noqa: B023 - used here
            if len(part) > 1:
                nodes.append((part, depth + 1))
            else:
                part[0].follow(len(part[0].answer) - depth - 1)


def _learn(turns: Sequence[_Turn], *, prior: float) -> float:
    """Tell every turn what the others of its node earned; the deviation of all."""
    n = len(turns)
    mean = math.fsum(turn.earned for turn in turns) / n
    squares = math.fsum((turn.earned - mean) ** 2 for turn in turns)
    if math.sqrt(squares / n) < RANGE_TOLERANCE:
        squares = 0.0
    for turn in turns if n > 1 else ():  # of one that is alone the node above says all
        away = turn.earned - mean
        others = n * mean - turn.earned
        spread = max(squares - away**2 * n / (n - 1), 0.0)
        turn.value = (others + prior * turn.value) / (n - 1 + prior)
        turn.variance = (spread + prior * turn.variance) / (n - 1 + prior)
    return math.sqrt(squares / n)
