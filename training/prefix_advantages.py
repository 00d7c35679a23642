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
    TokenValues,
    return_to_go,
)

PRIOR = 16.0
"""How many turns the node above counts as, where a node has few of its own."""
FLOOR = 0.1
"""Of the deviation at a turn: what is added to that at a node, since little of it is noise."""


@dataclass(slots=True)
class _Turn:
    """One turn on its way down a tree."""

    number: int
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
        scale = math.sqrt(self.variance) + self.floor
        advantage = (self.earned - self.value) / scale if scale else 0.0
        self.credits += [advantage] * tokens


def prefix_whitened(inputs: AdvantageInputs) -> TokenValues:
    """(G_k - V) / (sigma + floor) for every token, V and sigma of the turns that began alike.

    The nodes of a token are, from coarse to fine: all turns of that number; those of them with the
    same knowledge (`anchors`); those of them whose answer begins with the tokens before it. V is
    the mean of the other turns of a node, drawn towards the node above by `PRIOR` turns; so is
    sigma, and neither depends on the turn that it is for. The floor is `FLOOR` of the deviation of
    all turns of that number. A token that all turns of a node share has the advantage of the next.

    All secrets share the trees. So this is for turns that are paid for what they were worth by what
    was known (gamma = 0 with `guaranteed_information`, say): the luck of a secret stays in.
    """
    games = [
        [
            _Turn(k, game.anchors[k] if game.anchors else None, answer, earned)
            for k, (answer, earned) in enumerate(
                zip(
                    game.answers or [(0,)] * len(game.rewards),
                    return_to_go(game.rewards, inputs.gamma),
                    strict=True,
                )
            )
        ]
        for group in inputs.groups
        for game in group.games
    ]
    for same in _parted([turn for game in games for turn in game], lambda turn: turn.number):
        _start(same)
        for known in _parted(same, lambda turn: turn.state):
            _descend(known)
    left = iter([[tuple(turn.credits) for turn in game] for game in games])
    return [[next(left) for _ in group.games] for group in inputs.groups]


def _parted(turns: Sequence[_Turn], key: Callable[[_Turn], Hashable]) -> list[list[_Turn]]:
    parts: defaultdict[Hashable, list[_Turn]] = defaultdict(list)
    for turn in turns:
        parts[key(turn)].append(turn)
    return list(parts.values())


def _start(turns: Sequence[_Turn]) -> None:
    """What all turns of one number say of each of them."""
    for turn in turns:
        turn.value = turn.earned  # of one that is alone: it answers for nothing
    spread = _learn(turns, prior=0.0)
    for turn in turns:
        turn.floor = FLOOR * spread


def _descend(turns: list[_Turn]) -> None:
    """Walk the tree of answers to one state, node by node."""
    _learn(turns, prior=PRIOR)
    nodes = [(turns, 0)]
    while nodes:
        members, depth = nodes.pop()
        for turn in members:
            turn.follow(min(1, len(turn.answer) - depth))
        going_on = [turn for turn in members if len(turn.answer) > depth + 1]
        for part in _parted(going_on, lambda turn: turn.answer[depth]):  # noqa: B023 - used at once
            if len(part) == 1:
                part[0].follow(len(part[0].answer) - depth - 1)
                continue
            if len(part) < len(members):
                _learn(part, prior=PRIOR)
            nodes.append((part, depth + 1))


def _learn(turns: Sequence[_Turn], *, prior: float) -> float:
    """Tell every turn what the others of its node earned; the deviation of all."""
    n = len(turns)
    mean = math.fsum(turn.earned for turn in turns) / n
    squares = math.fsum((turn.earned - mean) ** 2 for turn in turns)
    if n > 1 and math.sqrt(squares / n) < RANGE_TOLERANCE:
        squares = 0.0
    for turn in turns if n > 1 else ():
        away = turn.earned - mean
        others = n * mean - turn.earned
        spread = max(squares - away**2 * n / (n - 1), 0.0)
        turn.value = (others + prior * turn.value) / (n - 1 + prior)
        turn.variance = (spread + prior * turn.variance) / (n - 1 + prior)
    return math.sqrt(squares / n)
