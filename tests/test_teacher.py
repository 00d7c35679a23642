"""The teacher's games: honest secrets, consistent guesses, and the tokens that play gives."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest

from wordle_rl.agents.chat import ChatRenderer
from wordle_rl.agents.nano import byte_tokenizer
from wordle_rl.envs.feedback import consistent, feedback
from wordle_rl.envs.wordle import WordleEnv
from wordle_rl.envs.words import WordKind, load_words, split_of
from wordle_rl.errors import ConfigError
from wordle_rl.training.batch import build_samples, demonstration_turns
from wordle_rl.training.teacher import FEW, Demonstration, WordleTeacher, _random_true

ANSWERS = load_words("answers")
HELD_OUT = {word for word in ANSWERS if split_of(word) != "train"}
WON = "GGGGG"


@pytest.fixture
def short_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every eighth legal word: the same proportions, and a table of patterns 64 times smaller."""
    monkeypatch.setattr("wordle_rl.training.teacher.load_words", every_eighth)


def every_eighth(kind: WordKind, length: int) -> tuple[str, ...]:
    kept = set(load_words("guesses", length)[::8])
    return tuple(word for word in load_words(kind, length) if word in kept)


def play(teacher: WordleTeacher, count: int, seed: int = 0) -> list[Demonstration]:
    return teacher.demonstrations(np.random.default_rng(seed), count)


def is_won(game: Demonstration) -> bool:
    return game.observations[-1] == WON


def win_rate(games: Sequence[Demonstration]) -> float:
    return sum(map(is_won, games)) / len(games)


def check_game(game: Demonstration, legal: set[str]) -> None:
    """Legal words, true feedback, consistent trained guesses, and an end where games end."""
    assert 1 <= len(game.actions) <= 6
    assert len(game.actions) == len(game.observations) == len(game.trained)
    assert set(game.actions) <= legal
    assert WON not in game.observations[:-1]
    assert is_won(game) or len(game.actions) == 6
    if is_won(game):
        told = [feedback(action, game.actions[-1]) for action in game.actions]
        assert list(game.observations) == told
    history: list[tuple[str, str]] = []
    for action, marks, trained in zip(game.actions, game.observations, game.trained, strict=True):
        assert consistent(action, history) or not trained
        history.append((action, marks))
    scattered = game.trained.count(False)
    assert game.trained == (False,) * scattered + (True,) * (len(game.trained) - scattered)
    assert scattered <= 3


# --- honest


@pytest.mark.parametrize(
    ("wide", "outside", "scattered"), [(0.0, 0.0, 0.0), (0.2, 0.5, 0.5), (1.0, 0.0, 1.0)]
)
def test_no_secret_is_ever_a_held_out_answer(
    short_lists: None, wide: float, outside: float, scattered: float
) -> None:
    teacher = WordleTeacher(wide_share=wide, outside_share=outside, scattered_share=scattered)
    for seed in range(4):
        for game in play(teacher, 2500, seed):
            assert game.secret not in HELD_OUT
            assert not is_won(game) or game.actions[-1] == game.secret
    held_out = [i for i, word in enumerate(teacher.words) if word in HELD_OUT]
    assert len(held_out) > 30
    assert not set(held_out).intersection(*teacher.secrets.values())


@pytest.mark.slow
def test_no_secret_of_the_real_lists_is_a_held_out_answer() -> None:
    teacher = WordleTeacher()
    secrets: Counter[str] = Counter()
    for seed in range(30):
        secrets.update(game.secret for game in play(teacher, 1000, seed))
    assert not HELD_OUT.intersection(secrets)
    assert len(secrets) > 5000


def test_secrets_are_all_training_answers_or_all_words_but_the_held_out() -> None:
    teacher = WordleTeacher()
    words = np.array(teacher.words)
    train = {word for word in ANSWERS if split_of(word) == "train"}
    assert set(words[teacher.secrets["answers"]]) == train
    assert set(words[teacher.secrets["wide"]]) == set(load_words("guesses")) - HELD_OUT
    assert set(words[teacher.secrets["outside"]]) == set(load_words("guesses")) - set(ANSWERS)


def test_held_out_words_are_guessed_like_any_other(short_lists: None) -> None:
    """Never guessing them would teach that they are never right."""
    games = play(WordleTeacher(wide_share=0.0, outside_share=0.0, scattered_share=0.0), 4000)
    share = sum(game.actions[0] in HELD_OUT for game in games) / len(games)
    words = every_eighth("answers", 5)
    expected = sum(word in HELD_OUT for word in words) / len(words)
    assert abs(share - expected) < 4 * math.sqrt(expected * (1 - expected) / len(games))


def test_with_a_secret_from_outside_every_answer_is_the_last_one_left(short_lists: None) -> None:
    """As often as its share of the answers; with an answer as secret a held-out one never is."""
    answers = every_eighth("answers", 5)
    expected = sum(word in HELD_OUT for word in answers) / len(answers)
    outside = last_ones_left(WordleTeacher(wide_share=0.0, outside_share=1.0), answers)
    share = sum(word in HELD_OUT for word in outside) / len(outside)
    assert len(outside) > 300
    assert abs(share - expected) < 4 * math.sqrt(expected * (1 - expected) / len(outside))
    inside = last_ones_left(WordleTeacher(wide_share=0.0, outside_share=0.0), answers)
    assert not HELD_OUT.intersection(inside)


def last_ones_left(teacher: WordleTeacher, answers: Sequence[str]) -> list[str]:
    """The trained guesses made when a single answer fitted."""
    found = []
    for game in play(teacher, 1600):
        history = list(zip(game.actions, game.observations, strict=True))
        for t, (action, trained) in enumerate(zip(game.actions, game.trained, strict=True)):
            if trained and [w for w in answers if consistent(w, history[:t])] == [action]:
                found.append(action)
    return found


# --- true and consistent


@pytest.mark.parametrize(("wide", "outside"), [(0.0, 1.0), (0.0, 0.0), (1.0, 0.0)])
def test_endgames_begin_with_few_words_left(short_lists: None, wide: float, outside: float) -> None:
    teacher = WordleTeacher(
        wide_share=wide, outside_share=outside, scattered_share=0.0, endgame_share=1.0
    )
    pool = every_eighth("guesses" if wide else "answers", 5)
    games = play(teacher, 120)
    assert {game.trained.count(False) for game in games} == {1, 2, 3, 4}
    for game in games:
        assert game.secret not in HELD_OUT
        shown = game.trained.index(True)
        history = list(zip(game.actions, game.observations, strict=True))
        assert all(marks == feedback(action, game.secret) for action, marks in history)
        left = [word for word in pool if consistent(word, history[:shown])]
        assert 1 <= len(left) <= FEW
        assert game.actions[shown] in left


def test_a_share_of_the_games_are_endgames(short_lists: None) -> None:
    teacher = WordleTeacher(
        wide_share=0.0, outside_share=0.0, scattered_share=0.0, endgame_share=0.25
    )
    games = play(teacher, 80)
    assert sum(not all(game.trained) for game in games) == 20
    assert play(teacher, 80) == games


def test_games_with_a_secret_from_outside_end_where_no_answer_is_left(short_lists: None) -> None:
    answers = every_eighth("answers", 5)
    games = play(WordleTeacher(wide_share=0.0, outside_share=1.0, scattered_share=0.5), 200)
    for game in games:
        assert game.secret not in answers
        history = list(zip(game.actions, game.observations, strict=True))
        assert all(marks == feedback(action, game.secret) for action, marks in history)
        guessed = [w for w, t in zip(game.actions, game.trained, strict=True) if t]
        assert set(guessed) <= set(answers)
        assert all(consistent(w, history[:t]) for t, w in enumerate(game.actions) if w in guessed)
        over = len(game.actions) == 6 or not any(consistent(w, history) for w in answers)
        assert over or is_won(game)


def test_shares_that_are_more_than_all_games_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"wide_share 0\.6 and outside_share 0\.5"):
        WordleTeacher(wide_share=0.6, outside_share=0.5)


@pytest.mark.parametrize("wide", [0.0, 0.3, 1.0])
def test_games_are_legal_true_and_consistent(short_lists: None, wide: float) -> None:
    teacher = WordleTeacher(wide_share=wide, outside_share=0.0, scattered_share=0.5)
    legal = set(every_eighth("answers", 5)) if wide == 0.0 else set(teacher.words)
    games = play(teacher, 400)
    for game in games:
        check_game(game, set(teacher.words))
        told = [w for w, t in zip(game.actions, game.trained, strict=True) if t]
        assert set(told) <= legal
    assert 0.3 < sum(not game.trained[0] for game in games) / len(games) < 0.7


def test_lost_games_tell_the_truth_too(short_lists: None) -> None:
    """Some word that may be a secret explains all rows of a lost game."""
    teacher = WordleTeacher(wide_share=1.0, outside_share=0.0, scattered_share=0.0, max_guesses=3)
    secrets = [teacher.words[i] for i in teacher.secrets["wide"]]
    lost = [game for game in play(teacher, 200) if not is_won(game)]
    assert len(lost) > 20
    for game in lost[:20]:
        history = list(zip(game.actions, game.observations, strict=True))
        assert any(consistent(secret, history) for secret in secrets)


def test_scattered_openings_are_random_words_that_are_not_trained(short_lists: None) -> None:
    games = play(WordleTeacher(wide_share=0.0, outside_share=0.0, scattered_share=1.0), 3000)
    untrained = Counter(game.trained.count(False) for game in games)
    assert set(untrained) == {1, 2, 3}
    assert abs(chi_square(list(untrained.values()))) < 4
    openers = {game.actions[0] for game in games}
    assert len(openers) > 0.8 * len(every_eighth("guesses", 5))
    ordinary = play(WordleTeacher(wide_share=0.0, outside_share=0.0, scattered_share=0.0), 500)
    assert all(all(game.trained) for game in ordinary)


def test_a_share_of_the_games_is_wide(short_lists: None) -> None:
    answers = set(every_eighth("answers", 5))
    games = play(WordleTeacher(wide_share=0.3, outside_share=0.0, scattered_share=0.0), 3000)
    wide = sum(game.actions[0] not in answers for game in games) / len(games)
    expected = 0.3 * (1 - len(answers) / len(every_eighth("guesses", 5)))
    assert abs(wide - expected) < 4 * math.sqrt(expected * (1 - expected) / 3000)


def test_a_lucky_random_word_ends_the_game(monkeypatch: pytest.MonkeyPatch) -> None:
    words = tuple(word for word in ANSWERS if split_of(word) == "train")[:4]
    monkeypatch.setattr("wordle_rl.training.teacher.load_words", lambda kind, length: words)
    games = play(WordleTeacher(wide_share=0.0, outside_share=0.0, scattered_share=1.0), 200)
    lucky = [game for game in games if len(game.actions) == 1]
    assert lucky
    assert all(game.observations == (WON,) and game.trained == (False,) for game in lucky)


# --- uniform


def chi_square(counts: Sequence[int]) -> float:
    """Standard deviations that Pearson's statistic is from its mean under a uniform law."""
    expected = sum(counts) / len(counts)
    statistic = sum((count - expected) ** 2 / expected for count in counts)
    degrees = len(counts) - 1
    return (statistic - degrees) / math.sqrt(2 * degrees)


def test_guesses_are_uniform_over_the_words_that_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """First guesses over all thirty words; second guesses over what the first one left."""
    words = tuple(word for word in ANSWERS if split_of(word) == "train")[:30]
    monkeypatch.setattr("wordle_rl.training.teacher.load_words", lambda kind, length: words)
    games = play(WordleTeacher(wide_share=0.0, outside_share=0.0, scattered_share=0.0), 20_000)
    first = Counter(game.actions[0] for game in games)
    assert set(first) == set(words)
    assert abs(chi_square(list(first.values()))) < 4
    second = Counter(
        (game.actions[0], game.observations[0], game.actions[1])
        for game in games
        if len(game.actions) > 1
    )
    statistic = degrees = 0.0
    for opener, marks in {key[:2] for key in second}:
        left = [word for word in words if consistent(word, [(opener, marks)])]
        counts = [second[opener, marks, word] for word in left]
        expected = sum(counts) / len(counts)
        if expected >= 10:
            statistic += sum((count - expected) ** 2 / expected for count in counts)
            degrees += len(counts) - 1
    assert degrees > 200
    assert abs(statistic - degrees) < 4 * math.sqrt(2 * degrees)


def test_random_true_picks_each_true_column_equally() -> None:
    rng = np.random.default_rng(0)
    mask = np.zeros((9000, 7), dtype=bool)
    mask[:, [1, 4, 6]] = True
    counts = Counter(_random_true(rng, mask).tolist())
    assert set(counts) == {1, 4, 6}
    assert abs(chi_square(list(counts.values()))) < 4
    single = np.eye(7, dtype=bool)
    assert _random_true(rng, single).tolist() == list(range(7))


# --- repeatable


def test_the_same_generator_state_gives_the_same_games(short_lists: None) -> None:
    teacher = WordleTeacher()
    assert play(teacher, 50, seed=3) == play(WordleTeacher(), 50, seed=3)
    assert play(teacher, 50, seed=3) != play(teacher, 50, seed=4)
    rng = np.random.default_rng(3)
    assert teacher.demonstrations(rng, 50) != teacher.demonstrations(rng, 50)


@pytest.mark.parametrize("count", [0, 1])
def test_few_games_are_possible(short_lists: None, count: int) -> None:
    assert len(play(WordleTeacher(), count)) == count


@pytest.mark.slow
def test_ordinary_games_are_won_as_often_as_random_consistent_play() -> None:
    """98.2 % on the newspaper's lists (DESIGN.md); the answers of this project play like them."""
    teacher = WordleTeacher(wide_share=0.0, outside_share=0.0, scattered_share=0.0)
    games = [game for seed in range(4) for game in play(teacher, 1000, seed)]
    assert 0.97 < win_rate(games) < 0.99
    mean = sum(len(game.actions) for game in games if is_won(game)) / sum(map(is_won, games))
    assert 3.95 < mean < 4.15


# --- the tokens that play gives


def test_demonstrations_have_the_ids_that_play_gives(short_lists: None) -> None:
    chat = ChatRenderer(byte_tokenizer())
    assert chat.closing_id is not None
    env = WordleEnv(style="compact", history="last")
    teacher = WordleTeacher(wide_share=0.5, outside_share=0.0, scattered_share=0.5)
    games = play(teacher, 40)
    for game in games:
        history = list(zip(game.actions, game.observations, strict=True))
        secret = next(word for word in load_words("guesses") if consistent(word, history))
        observation, _ = env.reset(options={"secret": secret})
        turns = demonstration_turns(chat, game, stop_id=chat.closing_id)
        context: tuple[int, ...] = ()
        for action, turn in zip(game.actions, turns, strict=True):
            if not context:
                context = chat.opening(observation)
            else:
                context = (*context, *chat.between(context, observation))
            assert turn.prompt_ids == context
            answer = (*chat.encode(action), chat.closing_id)
            assert turn.token_ids == answer
            context = (*context, *answer)
            observation, _, terminated, _, info = env.step(action)
        assert terminated
        assert info["solved"] == is_won(game)
        [sample] = build_samples(turns)
        assert sample.token_ids == context
        assert sum(sample.loss_mask) == 6 * game.trained.count(True)
