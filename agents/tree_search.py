"""Growing a Wordle tree: which opener, and the best guess after every answer to it.

The openers with the most answers are each searched with a narrow beam; the best of them again with
a wide one (`beam`). On the newspaper's original lists that finds the proven optimum of 7920 guesses
for 2315 words (Selby 2022; Bertsimas and Paskov 2024, doi 10.1287/opre.2022.0434) in minutes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from wordle_rl.agents.beam import HOPELESS, BeamSearch, Position
from wordle_rl.agents.solver import Planner
from wordle_rl.agents.word_tree import WordTree, make_tree
from wordle_rl.envs.words import lists_hash

SCOUT_WIDTH = 4
"""Width of the beam that chooses among openers."""
OnOpener = Callable[[str, str, int | None], None]
"""Told of every search: its stage, the opener, and its guesses in all; None if it fell behind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How hard to look."""

    openers: int = 60
    """Openers that are tried with a narrow beam."""
    finalists: int = 6
    """Of these, openers that are tried with the wide one."""
    width: int = 40
    """Guesses tried at every step by the wide beam."""


def grow_tree(
    planner: Planner,
    effort: Effort,
    *,
    hard_mode: bool = False,
    max_guesses: int = 6,
    on_opener: OnOpener = lambda *_: None,
) -> WordTree:
    """The tree with the fewest guesses that is found.

    Args:
        planner: of the lists; every answer has to be a guess.
        effort: how many openers and guesses are tried.
        hard_mode: keep to the rules of hard mode.
        max_guesses: words that need more are avoided at any price.
        on_opener: told of every opener that was searched.
    """
    start = Position(planner.everything(), guesses_left=max_guesses)
    scout, search = (
        BeamSearch(planner, width=width, hard_mode=hard_mode, most_cells=HOPELESS)
        for width in (min(SCOUT_WIDTH, effort.width), effort.width)
    )
    costs = {}
    for opener in search.shortlist(start, effort.openers):
        costs[opener] = scout.cost(start, opener)
        on_opener("scout", opener, costs[opener])
    best, best_cost = "", HOPELESS
    for opener in sorted(costs, key=costs.__getitem__)[: effort.finalists]:
        cost = search.cost(start, opener, below=best_cost)
        on_opener("final", opener, None if cost == HOPELESS else cost)
        if cost < best_cost:
            best, best_cost = opener, cost
    found = {path[-1]: path for path in _paths(search, planner, start, (best,))}
    paths = [found[word] for word in planner.answers]
    return make_tree(paths, lists_hash(planner.answers, planner.guesses))


def _paths(
    search: BeamSearch, planner: Planner, position: Position, path: tuple[str, ...]
) -> Iterator[tuple[str, ...]]:
    """The guesses for every candidate, after those of `path`; its last one is played here."""
    if path[-1] in {planner.answers[i] for i in position.candidates}:
        yield path
    for following in search.after(position, path[-1]).values():
        if following.turns == 0:  # lost in the game; the tree finds them all the same
            following = replace(following, guesses_left=None)
        guess = search.best_guess(following)
        yield from _paths(search, planner, following, (*path, guess))
