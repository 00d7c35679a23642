"""Mastermind's baselines against published figures, and the beam against an exhaustive search."""

from collections import Counter

import numpy as np
import pytest

from tests.baseline_games import guesses_of, mean_turns, play
from wordle_rl.agents.beam import BeamSearch, Position
from wordle_rl.agents.solver import MASTERMIND, Criterion, Planner, by_entropy, by_patterns
from wordle_rl.envs.pegs import all_codes, peg_code, pegs

CODES = all_codes(4, 6)
OPTIMUM = 5625 / 1296
"""Guesses on average of the best play (Koyama and Lai 1993)."""


def games_by_length(planner: Planner, criterion: Criterion) -> dict[int, int]:
    """How many codes a greedy policy finds with each number of guesses: the whole tree, walked."""
    solved = peg_code("B" * len(planner.guesses[0]))
    lengths: Counter[int] = Counter()
    stack = [(planner.everything(), 1)]
    while stack:
        candidates, turn = stack.pop()
        row = planner.row_of[planner.best_guess(candidates, criterion)]
        patterns = planner.patterns[row, candidates]
        lengths[turn] += int((patterns == solved).sum())
        stack += [(candidates[patterns == p], turn + 1) for p in np.unique(patterns) if p != solved]
    return dict(sorted(lengths.items()))


def test_greedy_policies_reproduce_the_published_figures() -> None:
    planner = Planner(CODES, CODES, MASTERMIND)
    most_parts = games_by_length(planner, by_patterns)
    assert most_parts == {1: 1, 2: 12, 3: 72, 4: 635, 5: 569, 6: 7}
    assert sum(n * games for n, games in most_parts.items()) == 5668
    assert planner.best_guess(planner.everything(), by_patterns) == "aabc"
    assert planner.best_guess(planner.everything(), by_entropy) == "abcd"


def test_the_solver_is_within_half_a_percent_of_the_optimum() -> None:
    episodes = play("solver", "mastermind", CODES)
    assert Counter(len(episode.turns) for episode in episodes)[1] == 1
    assert max(len(episode.turns) for episode in episodes) <= 6
    assert OPTIMUM <= mean_turns(episodes) <= 1.005 * OPTIMUM


def test_greedy_play_through_the_game_is_the_walked_tree() -> None:
    some = CODES[::60]
    assert mean_turns(play("greedy-patterns", "mastermind", some)) < 5
    assert all(
        guesses[0] == "abcd" for guesses in guesses_of(play("greedy-entropy", "mastermind", some))
    )


def test_random_consistent_play() -> None:
    episodes = play("random-consistent", "mastermind", CODES[::3])
    assert mean_turns(episodes) == pytest.approx(4.64, abs=0.1)
    assert all(turn.info["consistent"] for episode in episodes for turn in episode.turns)


def test_random_play_is_legal_and_hopeless() -> None:
    episodes = play("random", "mastermind", CODES[::20])
    assert {t.info["status"] for e in episodes for t in e.turns} <= {"ok", "repeat"}
    assert sum(episode.solved for episode in episodes) <= 5


@pytest.mark.parametrize(
    ("length", "colours", "duplicates"),
    [(1, 1, True), (1, 6, True), (2, 2, False), (3, 4, True), (4, 4, False)],
)
@pytest.mark.parametrize("name", ["random-consistent", "greedy-patterns", "solver"])
def test_other_sizes(name: str, length: int, colours: int, duplicates: bool) -> None:
    options = {"length": length, "colours": colours, "duplicates": duplicates}
    codes = all_codes(length, colours, duplicates)
    assert all(episode.solved for episode in play(name, "mastermind", codes, **options))


@pytest.mark.slow
def test_without_duplicates_most_parts_reproduces_the_reference() -> None:
    codes = all_codes(4, 6, duplicates=False)
    episodes = play("greedy-patterns", "mastermind", codes, duplicates=False)
    assert mean_turns(episodes) == pytest.approx(4.047, abs=0.02)


def test_an_opener_is_played_first() -> None:
    games = guesses_of(play("solver:aabb", "mastermind", CODES[::100]))
    assert {guesses[0] for guesses in games} == {"aabb"}


# --- the beam


def fewest_guesses(codes: tuple[str, ...], candidates: tuple[str, ...]) -> int:
    """The least total number of guesses that find every candidate once, by trying everything."""
    if len(candidates) <= 2:
        return 2 * len(candidates) - 1
    best = 10**9
    for guess in codes:
        groups: dict[str, list[str]] = {}
        for code in candidates:
            groups.setdefault(pegs(guess, code), []).append(code)
        if len(groups) > 1:
            left = [tuple(group) for group in groups.values() if group != [guess]]
            best = min(best, len(candidates) + sum(fewest_guesses(codes, g) for g in left))
    return best


@pytest.mark.parametrize(("length", "colours"), [(2, 3), (3, 2), (2, 4)])
def test_a_full_beam_is_optimal(length: int, colours: int) -> None:
    codes = all_codes(length, colours)
    planner = Planner(codes, codes, MASTERMIND)
    beam = BeamSearch(planner, width=len(codes))
    assert total_of(beam, planner) == fewest_guesses(codes, codes)


def total_of(beam: BeamSearch, planner: Planner) -> int:
    """Guesses that a beam's play needs for all codes together."""
    total = 0
    stack = [planner.everything()]
    while stack:
        candidates = stack.pop()
        guess = beam.best_guess(Position(candidates))
        total += len(candidates)
        row = planner.row_of[guess]
        patterns = planner.patterns[row, candidates]
        groups = [candidates[patterns == p] for p in np.unique(patterns)]
        assert len(groups) > 1 or len(candidates) == 1
        stack += [g for g in groups if [planner.answers[i] for i in g] != [guess]]
    return total


def test_a_wider_beam_is_never_worse() -> None:
    codes = all_codes(3, 5)
    planner = Planner(codes, codes, MASTERMIND)
    totals = [total_of(BeamSearch(planner, width=width), planner) for width in (1, 2, 4, 8)]
    assert totals == sorted(totals, reverse=True)
    assert totals[0] > totals[-1]


def test_large_sets_are_split_greedily() -> None:
    planner = Planner(CODES, CODES, MASTERMIND)
    beam = BeamSearch(planner, most_cells=0)
    assert beam.best_guess(Position(planner.everything())) == "aabc"
    assert not beam._known
