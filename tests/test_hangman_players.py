"""Hangman's baselines: what chance and search reach, and the search against trying everything."""

from collections import defaultdict

import pytest

from tests.baseline_games import guesses_of, play
from wordle_rl.agents.hangman_players import LetterSearch
from wordle_rl.envs.hangman_words import fill_in, words_of
from wordle_rl.records import Episode

SOME = words_of(None, "all")[::97]


def win_rate(episodes: list[Episode]) -> float:
    assert all(episode.error is None for episode in episodes)
    return sum(episode.solved for episode in episodes) / len(episodes)


def test_the_solver_beats_chance_by_far() -> None:
    """Over all words 0.5 %, 66 % and 90 %; the sample's standard errors are 2 to 4 points."""
    random, consistent, solver = (
        win_rate(play(name, "hangman", SOME)) for name in ("random", "random-consistent", "solver")
    )
    assert random < 0.04
    assert consistent == pytest.approx(0.66, abs=0.12)
    assert solver == pytest.approx(0.90, abs=0.07)


@pytest.mark.parametrize("name", ["random-consistent", "solver"])
def test_play_is_consistent_and_wastes_nothing(name: str) -> None:
    episodes = play(name, "hangman", SOME[::4])
    infos = [turn.info for episode in episodes for turn in episode.turns]
    assert all(info["consistent"] and info["status"] == "ok" for info in infos)


def test_random_play_never_repeats_a_letter() -> None:
    for guesses in guesses_of(play("random", "hangman", SOME[::8], lives=26)):
        assert len(set(guesses)) == len(guesses)
        assert all(len(guess) == 1 for guess in guesses)


def test_an_opener_is_played_first() -> None:
    games = guesses_of(play("solver:z", "hangman", SOME[::20]))
    assert {guesses[0] for guesses in games} == {"z"}
    assert not any("z" in guesses[1:] for guesses in games)


def test_a_game_depends_on_its_seed_alone() -> None:
    together = guesses_of(play("random-consistent", "hangman", SOME[:6]))
    assert [guesses_of(play("random-consistent", "hangman", [w]))[0] for w in SOME[:6]] == together


# --- the search


def most_wins(words: tuple[str, ...], pattern: str, lives: int) -> int:
    """The most of `words` that can be won, by trying every letter that one of them hides."""
    if len(words) == 1:
        return 1
    best = 0
    for letter in sorted({c for word in words for c in word} - set(pattern)):
        groups = defaultdict(list)
        for word in words:
            groups[fill_in(pattern, word, letter)].append(word)
        won = 0
        for shown, group in groups.items():
            left = lives - (shown == pattern)
            won += most_wins(tuple(group), shown, left) if left else 0
        best = max(best, won)
    return best


def wins_of(search: LetterSearch, words: tuple[str, ...], pattern: str, lives: int) -> int:
    """How many of `words` are won by the letters that a search plays."""
    if len(words) == 1:
        return 1
    letter = search.best_letter(words, pattern, lives)
    assert letter not in pattern
    groups = defaultdict(list)
    for word in words:
        groups[fill_in(pattern, word, letter)].append(word)
    won = 0
    for shown, group in groups.items():
        left = lives - (shown == pattern)
        won += wins_of(search, tuple(group), shown, left) if left else 0
    return won


FAMILIES = [
    ("bark", "dark", "hark", "lark", "mark", "park"),
    ("bill", "bull", "ball", "bell", "hill", "mill"),
    ("zeal", "quiz", "jump", "able", "oboe"),
]


@pytest.mark.parametrize("words", FAMILIES, ids=lambda words: words[0])
@pytest.mark.parametrize("lives", [1, 2, 3])
def test_a_full_search_wins_the_most(words: tuple[str, ...], lives: int) -> None:
    search = LetterSearch(width=26)
    assert wins_of(search, words, "____", lives) == most_wins(words, "____", lives)


def test_a_wider_search_is_never_worse() -> None:
    words = words_of(4, "all")[::15]
    wins = [wins_of(LetterSearch(width=width), words, "____", 4) for width in (1, 2, 4)]
    assert wins == sorted(wins)
    assert wins[0] < wins[-1]
