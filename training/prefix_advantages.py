"""Credit by token without a critic: what was earned after the same beginning.

The answers of a step form trees. At a root is what was known before a turn; a path spells an answer
token by token. The mean of what was earned below a node estimates its value, so a token answers for
what it changed and not for the tokens before it (TEMPO's prefix values: Tran et al. 2025, arXiv
2509.18314). The trees of all groups are one here: equal knowledge, equal node.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Sequence
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
"""Of the deviation at a turn: what is added to that at a node, since little of it is noise."""


@dataclass(slots=True)
class _Node:
    """The turns that began alike."""

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0
    """Squared deviations from the mean, summed."""
    children: dict[Hashable, _Node] = field(default_factory=dict)

    def add(self, earned: float) -> None:
        """Count a turn (Welford 1962)."""
        self.count += 1
        before = earned - self.mean
        self.mean += before / self.count
        self.squares += before * (earned - self.mean)

    def mean_of_others(self, earned: float, above: float) -> float:
        """Of all turns but one that earned this, and `PRIOR` that earned what is `above`."""
        others = self.count * self.mean - earned
        return (others + PRIOR * above) / (self.count - 1 + PRIOR)

    def variance(self, above: float) -> float:
        """Of its turns, and `PRIOR` with the variance `above`."""
        return (self.squares + PRIOR * above) / (self.count + PRIOR)


def prefix_whitened(inputs: AdvantageInputs) -> TokenValues:
    """(G_k - V) / (sigma + floor) for every token, V and sigma of the turns that began alike.

    The nodes of a token are, from coarse to fine: all turns of that number; those of them with the
    same knowledge (`anchors`); those of them whose answer begins with the tokens before it. V is
    the mean of the other turns of a node, drawn towards the node above by `PRIOR` turns, so it does
    not depend on the token it is a baseline for; sigma likewise. The floor is `FLOOR` of the
    deviation of all turns of that number.

    All secrets share the trees. So this is for turns that are paid for what they were worth by what
    was known (gamma = 0 with `guaranteed_information`, say): the luck of a secret stays in.
    """
    root = _Node()
    for game, earned in zip(inputs.games, _earned(inputs), strict=True):
        for k, g in enumerate(earned):
            for node in _path(root, game, k, grow=True):
                node.add(g)
    flat = iter(
        [
            [_credits(list(_path(root, game, k)), g) for k, g in enumerate(earned)]
            for game, earned in zip(inputs.games, _earned(inputs), strict=True)
        ]
    )
    return [[next(flat) for _ in group.games] for group in inputs.groups]


def _earned(inputs: AdvantageInputs) -> Iterator[list[float]]:
    """G_k of every turn, by game."""
    return (return_to_go(game.rewards, inputs.gamma) for game in inputs.games)


def _path(root: _Node, game: GameInputs, k: int, *, grow: bool = False) -> Iterator[_Node]:
    """The nodes of turn k, from coarse to fine; the last one is where its last token was chosen."""
    node = root
    begun: Sequence[Hashable] = game.answers[k][:-1] if game.answers else ()
    for step in (k, game.anchors[k] if game.anchors else None, *begun):
        if grow and step not in node.children:
            node.children[step] = _Node()
        node = node.children[step]
        yield node


def _credits(path: Sequence[_Node], earned: float) -> tuple[float, ...]:
    """The advantage of every token of a turn, along its path."""
    turn, *nodes = path
    spread = math.sqrt(turn.squares / turn.count)
    if spread < RANGE_TOLERANCE:
        return (0.0,) * len(nodes)
    value = (turn.count * turn.mean - earned) / (turn.count - 1)
    variance = spread**2
    found = []
    for node in nodes:
        value, variance = node.mean_of_others(earned, value), node.variance(variance)
        found.append((earned - value) / (math.sqrt(variance) + FLOOR * spread))
    return tuple(found)
