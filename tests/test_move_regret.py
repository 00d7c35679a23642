"""Single guesses against the best ones, by hand and by trying everything."""

from itertools import product

import pytest

from tests.test_yardstick import record
from wordle_rl.agents.baselines import load_baseline
from wordle_rl.agents.solver import MASTERMIND, Planner
from wordle_rl.agents.word_tree import packaged_tree
from wordle_rl.envs.feedback import feedback
from wordle_rl.envs.pegs import pegs
from wordle_rl.envs.words import load_words
from wordle_rl.evaluation import move_regret
from wordle_rl.evaluation.evaluator import evaluate
from wordle_rl.evaluation.games import GameRecord
from wordle_rl.evaluation.metrics import play_report
from wordle_rl.evaluation.move_regret import MoveRegret
from wordle_rl.evaluation.suites import load_suite
from wordle_rl.evaluation.yardstick import Yardstick

ALIKE = ("batch", "catch", "hatch", "latch", "match")
CLEVER = "clamb"
"""Tells all of them apart, and is none of them."""
PLANNER = Planner(tuple(sorted((*ALIKE, CLEVER))), ALIKE)


def played(secret: str, *guesses: str) -> GameRecord:
    return record(secret, list(guesses), [feedback(guess, secret) for guess in guesses])


def test_guesses_by_hand() -> None:
    # CLAMB has five answers: one guess to see, one to win, 2 x 5. BATCH leaves four in the dark:
    # 1 + (CLAMB, then the word: 4 x 3) where the guess was wrong, so 13 in all.
    regrets = MoveRegret(PLANNER)
    assert len({feedback(CLEVER, word) for word in ALIKE}) == 5
    assert regrets.of(played("match", CLEVER, "match")) == [0.0, 0.0]
    assert regrets.of(played("match", "batch", CLEVER, "match")) == [pytest.approx(3 / 5), 0.0, 0.0]
    # Among the four that are left LATCH needs 1 + 3 x 3 = 10, CLAMB 8: half a guess more.
    assert regrets.of(played("match", "batch", "latch"))[1] == pytest.approx(2 / 4)


def test_an_action_without_a_use_throws_one_guess_away() -> None:
    regrets = MoveRegret(PLANNER)
    game = record("match", ["xyzzy", "batch", "batch"], ["", *[feedback("batch", "match")] * 2])
    assert regrets.of(game)[0] == 1.0
    assert regrets.of(game)[2] == 1.0


def test_a_guess_on_no_list_still_narrows() -> None:
    game = record("match", ["mitch", "match"], [feedback("mitch", "match"), "GGGGG"])
    assert MoveRegret(PLANNER).of(game) == [0.0]


def fewest(guesses: tuple[str, ...], words: tuple[str, ...]) -> int:
    """The least guesses that find every word, by trying every guess."""
    return min(cost(guesses, words, guess) for guess in guesses)


def cost(guesses: tuple[str, ...], words: tuple[str, ...], guess: str) -> int:
    groups: dict[str, list[str]] = {}
    for word in words:
        groups.setdefault(feedback(guess, word), []).append(word)
    if len(groups) == 1 and guess not in words:
        return 1000
    others = [tuple(group) for group in groups.values() if group != [guess]]
    return len(words) + sum(fewest(guesses, group) for group in others)


@pytest.mark.parametrize("start", range(0, 60, 10))
def test_it_is_the_difference_that_trying_everything_finds(
    start: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(move_regret, "WIDTH", 100)
    words = load_words("answers", 5)[start::300]
    regrets = MoveRegret(Planner(words, words))
    best = fewest(words, words)
    for guess in words:
        expected = (cost(words, words, guess) - best) / len(words)
        assert regrets.of(played(words[0], guess))[0] == pytest.approx(expected)


def test_what_the_tree_plays_costs_nothing_and_large_sets_are_left_out() -> None:
    answers, guesses = load_words("answers", 5), load_words("guesses", 5)
    tree = packaged_tree(answers, guesses, hard_mode=False)
    assert tree is not None
    regrets = MoveRegret(Planner(guesses, answers), tree=tree)
    for path in tree.paths[::200]:
        found = regrets.of(played(path[-1], *path))
        assert set(found) <= {0.0}
        assert len(found) < len(path)


def test_hard_mode_compares_with_what_it_allows() -> None:
    # CLAMB lacks the four letters that BATCH has shown green, and LATCH is as good as any other.
    regrets = MoveRegret(PLANNER, hard_mode=True)
    assert regrets.of(played("match", "batch", "latch"))[1] == 0.0


def test_codes_have_it_too() -> None:
    codes = tuple("".join(code) for code in product("abc", repeat=2))
    regrets = MoveRegret(Planner(codes, codes, MASTERMIND))
    secret = "ca"
    game = record(secret, ["ab", "ab"], [pegs("ab", secret)] * 2)
    assert regrets.of(game)[1] == 1.0


def test_a_report_has_the_mean_over_measured_guesses() -> None:
    games = [played("match", CLEVER, "match"), played("latch", "batch", CLEVER, "latch")]
    report = play_report(games, max_guesses=6, held_against=Yardstick(moves=MoveRegret(PLANNER)))
    assert report.move_regret.value == pytest.approx(0.6 / 5)
    assert play_report(games, max_guesses=6).move_regret.value is None


def test_worse_play_gives_more_away() -> None:
    names = ("solver", "greedy-entropy", "random-consistent", "random")
    reports = [
        evaluate(load_baseline(name), load_suite("wordle-val"), samples=0, limit=30).greedy
        for name in names
    ]
    means = [report.move_regret.value for report in reports if report]
    assert means[0] == 0.0
    assert means == sorted(means, key=lambda value: value or 0.0)
    assert 0.5 < (means[-1] or 0.0) <= 1.0
