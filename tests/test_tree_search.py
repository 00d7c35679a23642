"""Growing trees: against a search that tries everything, in both modes, and within a limit."""

from collections.abc import Sequence

import numpy as np
import pytest

from wordle_rl.agents.beam import HOPELESS, LOSS, BeamSearch, Position
from wordle_rl.agents.solver import Planner
from wordle_rl.agents.tree_search import Effort, grow_tree
from wordle_rl.agents.word_tree import packaged_tree
from wordle_rl.envs.feedback import feedback
from wordle_rl.envs.hard_mode import hard_mode_violation
from wordle_rl.envs.words import load_words

GUESSES = load_words("guesses", 5)
EVERYTHING = Effort(openers=10_000, finalists=10_000, width=10_000)
ALIKE = ("batch", "catch", "hatch", "latch", "match", "patch", "watch")
"""Words that tell little about each other."""
TELLING = ("clamp", "bowed", "hippo")
"""Words that tell them apart, and are none of them."""


def lists(seed: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """A few answers and a few more guesses."""
    rng = np.random.default_rng(seed)
    answers = tuple(sorted(map(str, rng.choice(GUESSES, size=9, replace=False))))
    others = map(str, rng.choice(GUESSES, size=12, replace=False))
    return tuple(sorted({*answers, *others})), answers


def fewest(
    guesses: Sequence[str],
    words: tuple[str, ...],
    history: tuple[tuple[str, str], ...] = (),
    *,
    hard_mode: bool,
    left: int,
) -> int:
    """The least cost that finds every word, by trying every guess; a lost word costs `LOSS`."""
    if left == 0:
        return LOSS * len(words)
    best = HOPELESS
    for guess in guesses:
        if hard_mode and hard_mode_violation(history, guess):
            continue
        groups: dict[str, list[str]] = {}
        for word in words:
            groups.setdefault(feedback(guess, word), []).append(word)
        if len(groups) == 1 and guess not in words:
            continue
        cost = len(words)
        for marks, group in groups.items():
            if group != [guess] and cost < best:
                further = (*history, (guess, marks))
                cost += fewest(guesses, tuple(group), further, hard_mode=hard_mode, left=left - 1)
        best = min(best, cost)
    return best


@pytest.mark.parametrize("hard_mode", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_a_full_search_is_optimal(seed: int, hard_mode: bool) -> None:
    guesses, answers = lists(seed)
    tree = grow_tree(Planner(guesses, answers), EVERYTHING, hard_mode=hard_mode)
    assert tree.total == fewest(guesses, answers, hard_mode=hard_mode, left=6)
    assert tree.hard_mode or not hard_mode


@pytest.mark.parametrize("hard_mode", [False, True])
def test_words_that_are_alike(hard_mode: bool) -> None:
    guesses = tuple(sorted({*ALIKE, *TELLING}))
    planner = Planner(guesses, ALIKE)
    tree = grow_tree(planner, EVERYTHING, hard_mode=hard_mode, max_guesses=4)
    lost = sum(len(path) > 4 for path in tree.paths)
    cost = fewest(guesses, ALIKE, hard_mode=hard_mode, left=4)
    assert lost == cost // LOSS
    assert tuple(path[-1] for path in tree.paths) == ALIKE


def test_a_limit_makes_a_tree_that_keeps_it() -> None:
    guesses = tuple(sorted({*ALIKE, *TELLING}))
    planner = Planner(guesses, ALIKE)
    start, tight = (Position(planner.everything(), guesses_left=n) for n in (7, 3))
    search = BeamSearch(planner, width=100)
    assert search.cost(start, "batch") < LOSS
    assert search.cost(tight, "batch") >= LOSS > search.cost(tight, "clamp")


def test_a_bound_on_the_cost_changes_no_cost_below_it() -> None:
    guesses, answers = lists(7)
    planner = Planner(guesses, answers)
    start = Position(planner.everything(), guesses_left=6)
    for guess in guesses:
        cost = BeamSearch(planner, width=100).cost(start, guess)
        bounded = BeamSearch(planner, width=100)
        assert bounded.cost(start, guess, below=cost) == HOPELESS
        assert bounded.cost(start, guess, below=cost + 1) == cost


def test_every_opener_is_reported() -> None:
    guesses, answers = lists(1)
    seen: list[tuple[str, str, int | None]] = []
    tree = grow_tree(
        Planner(guesses, answers),
        Effort(openers=5, finalists=2, width=8),
        on_opener=lambda *told: seen.append(told),
    )
    assert [stage for stage, _, _ in seen] == ["scout"] * 5 + ["final"] * 2
    assert tree.total == min(cost for stage, _, cost in seen if stage == "final" and cost)


def test_the_search_is_repeatable() -> None:
    guesses, answers = lists(2)
    trees = [grow_tree(Planner(guesses, answers), Effort(width=8)) for _ in range(2)]
    assert trees[0] == trees[1]


@pytest.mark.slow
def test_the_tree_that_ships_is_what_the_search_finds() -> None:
    answers = load_words("answers", 5)
    tree = packaged_tree(answers, GUESSES, hard_mode=False)
    assert tree is not None
    planner = Planner(GUESSES, answers)
    search = BeamSearch(planner, width=60, most_cells=HOPELESS)
    start = Position(planner.everything(), guesses_left=6)
    assert search.cost(start, tree.paths[0][0]) == tree.total
