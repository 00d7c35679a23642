"""Baselines through the game itself: the figures every table is read against."""

import sys
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from wordle_rl.agents.baselines import BASELINES, GAME_PLAYERS, load_baseline
from wordle_rl.agents.word_tree import packaged_tree
from wordle_rl.agents.wordle_players import WORDLE_PLAYERS
from wordle_rl.envs import make_env
from wordle_rl.envs.base import TextEnv
from wordle_rl.envs.wordle import WordleEnv
from wordle_rl.envs.words import load_words
from wordle_rl.errors import ConfigError
from wordle_rl.records import Episode, Task
from wordle_rl.rollout import play_games
from wordle_rl.seeding import seed_from

ANSWERS = load_words("answers", 5)
SOME = ANSWERS[::50]


GREEDY_AFTER_SLATE = {1: 1, 2: 69, 3: 1181, 4: 853, 5: 41, 6: 1}


def reference(with_2074_words: float, with_2218_words: float) -> float:
    """What the reference has for a list as long as ours, between the two it was measured on.

    Those are SCOWL's tiers up to 35 and up to 40, before words were struck from them. Longer lists
    are harder: a mean grows by 0.03 to 0.05 guesses from the one to the other.
    """
    share = (len(ANSWERS) - 2074) / (2218 - 2074)
    assert 0 <= share <= 1
    return with_2074_words + share * (with_2218_words - with_2074_words)


RANDOM_CONSISTENT_MEAN = reference(4.032, 4.079)
RANDOM_CONSISTENT_WINS = reference(0.983, 0.9815)


def play(
    name: str,
    secrets: tuple[str, ...] = ANSWERS,
    *,
    env_id: str = "wordle",
    seed: int = 0,
    max_guesses: int = 6,
) -> list[Episode]:
    def build(task: Task) -> TextEnv:
        return make_env(task.env_id, style="compact", max_guesses=max_guesses)

    return play_games(
        load_baseline(name),
        [Task(env_id=env_id, task_id=w, seed=0, options={"secret": w}) for w in secrets],
        make_env=build,
        temperature=1.0,
        seeds=[seed_from(seed, secret) for secret in secrets],
    )


def guesses_of(episodes: list[Episode]) -> list[list[str]]:
    return [[str(turn.info["guess"]) for turn in episode.turns] for episode in episodes]


def mean_guesses(episodes: list[Episode]) -> float:
    assert all(episode.solved for episode in episodes)
    return sum(len(episode.turns) for episode in episodes) / len(episodes)


@pytest.mark.parametrize(
    ("name", "mean", "histogram"),
    [
        ("greedy-patterns", reference(3.398, 3.428), {1: 1, 2: 77, 3: 1169, 4: 844, 5: 53, 6: 2}),
        ("greedy-entropy:raise", reference(3.444, 3.475), {1: 1, 2: 56, 3: 1107, 4: 925, 5: 57}),
        ("greedy-patterns:slate", reference(3.398, 3.428), GREEDY_AFTER_SLATE),
    ],
)
def test_greedy_play_reproduces_the_reference(
    name: str, mean: float, histogram: dict[int, int]
) -> None:
    episodes = play(name)
    assert mean_guesses(episodes) == pytest.approx(mean, abs=0.02)
    assert Counter(len(episode.turns) for episode in episodes) == histogram


@pytest.mark.parametrize("env_id", ["wordle", "wordle-hard"])
def test_the_solver_plays_the_tree_of_the_game(env_id: str) -> None:
    tree = packaged_tree(ANSWERS, load_words("guesses", 5), hard_mode=env_id == "wordle-hard")
    assert tree is not None
    assert guesses_of(play("solver", env_id=env_id)) == [list(path) for path in tree.paths]
    assert tree.mean < (3.404 if env_id == "wordle" else 3.5)


def test_without_a_tree_the_solver_is_greedy_after_its_opener() -> None:
    def build(task: Task) -> TextEnv:
        return WordleEnv(answers=ANSWERS[1:], style="compact")

    episodes = play_games(
        load_baseline("solver"),
        [Task(env_id="wordle", task_id=w, seed=0, options={"secret": w}) for w in SOME[1:]],
        make_env=build,
        temperature=1.0,
        seeds=[0] * len(SOME[1:]),
    )
    assert {guesses[0] for guesses in guesses_of(episodes)} == {"slate"}
    assert mean_guesses(episodes) < 3.7


@pytest.mark.slow
def test_random_consistent_play_reproduces_the_reference() -> None:
    episodes = [
        e for seed in range(20) for e in play("random-consistent", seed=seed, max_guesses=12)
    ]
    assert mean_guesses(episodes) == pytest.approx(RANDOM_CONSISTENT_MEAN, abs=0.02)
    wins = sum(len(episode.turns) <= 6 for episode in episodes)
    assert wins / len(episodes) == pytest.approx(RANDOM_CONSISTENT_WINS, abs=0.003)


def test_random_consistent_play_is_near_the_reference() -> None:
    episodes = play("random-consistent", max_guesses=12)
    standard_error = 1.02 / len(episodes) ** 0.5
    assert mean_guesses(episodes) == pytest.approx(RANDOM_CONSISTENT_MEAN, abs=3 * standard_error)
    assert all(turn.info["consistent"] for episode in episodes for turn in episode.turns)


def test_random_play_is_legal_uniform_and_hopeless() -> None:
    episodes = play("random")
    statuses = Counter(str(t.info["status"]) for e in episodes for t in e.turns)
    assert set(statuses) <= {"ok", "repeat"}
    assert sum(e.solved for e in episodes) / len(episodes) < 0.003
    played = Counter(guess for guesses in guesses_of(episodes) for guess in guesses)
    # n draws from W words leave W * (1 - 1/W)**n of them out.
    n, words = played.total(), len(load_words("guesses", 5))
    assert len(played) == pytest.approx(words * (1 - (1 - 1 / words) ** n), rel=0.01)


@pytest.mark.parametrize("name", WORDLE_PLAYERS.players)
def test_a_game_depends_on_its_seed_alone(name: str) -> None:
    together = guesses_of(play(name, SOME))
    assert guesses_of([e for secret in SOME for e in play(name, (secret,))]) == together
    assert (guesses_of(play(name, SOME, seed=1)) == together) is (not name.startswith("random"))


@pytest.mark.parametrize("name", WORDLE_PLAYERS.players)
def test_hard_mode_is_kept(name: str) -> None:
    episodes = play(name, SOME, env_id="wordle-hard")
    statuses = {turn.info["status"] for episode in episodes for turn in episode.turns}
    assert statuses <= {"ok", "repeat"}


@pytest.mark.parametrize("name", [name for name in WORDLE_PLAYERS.players if name != "random"])
def test_a_secret_outside_of_the_answers_is_looked_for_too(name: str) -> None:
    secrets = tuple(word for word in load_words("guesses", 5)[::900] if word not in ANSWERS)
    episodes = play(name, secrets, max_guesses=40)
    assert all(episode.solved for episode in episodes)


@pytest.mark.parametrize("name", WORDLE_PLAYERS.players)
def test_an_opener_is_played_first_and_only_first(name: str) -> None:
    for guesses in guesses_of(play(f"{name}:salet", SOME)):
        assert guesses[0] == "salet"
        assert "salet" not in guesses[1:]


@pytest.mark.parametrize(
    ("load", "message"),
    [
        (lambda: load_baseline("greedy-pattern"), "did you mean 'greedy-patterns'"),
        (lambda: play("random:xyzzy", SOME), "opener 'xyzzy' is not a legal move"),
    ],
)
def test_bad_names_are_refused(load: Callable[[], object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load()


# --- every game


class Unnamed(WordleEnv):
    """A user's own game: its `public()` names no game."""

    def public(self) -> Mapping[str, Any]:
        return {key: value for key, value in super().public().items() if key != "game"}


class Chess(WordleEnv):
    def public(self) -> Mapping[str, Any]:
        return {**super().public(), "game": "chess"}


def test_each_game_has_baselines_of_known_names() -> None:
    for game, players in GAME_PLAYERS.items():
        assert {"random", "solver"} <= set(players.players) <= set(BASELINES), game


@pytest.mark.parametrize("env_id", ["wordle", "guess-number", "mastermind", "hangman"])
def test_every_baseline_of_a_game_plays_it(env_id: str) -> None:
    game = make_env(env_id).public()["game"]
    for name in GAME_PLAYERS[game].players:
        (episode,) = play_once(name, env_id)
        assert episode.error is None
        assert {turn.info["status"] for turn in episode.turns} <= {"ok", "repeat"}
        consistent = all(turn.info["consistent"] for turn in episode.turns)
        assert consistent or name not in ("random-consistent",)


def play_once(name: str, env_id: str, seed: int = 0) -> list[Episode]:
    return play_games(
        load_baseline(name),
        [Task(env_id=env_id, task_id="0", seed=seed)],
        make_env=lambda task: make_env(task.env_id),
        temperature=0.0,
        seeds=[seed],
        max_turns=200,
    )


@pytest.mark.parametrize(
    ("name", "env_id", "message"),
    [
        (
            "greedy-patterns",
            "guess-number",
            "guess-number has no baseline 'greedy-patterns': it has random, random-consistent, sol",
        ),
        ("greedy-entropy", "hangman", "hangman has no baseline 'greedy-entropy'"),
        (
            "solver",
            "tests.test_baselines:Unnamed",
            "there are no baselines for this game: public()",
        ),
        ("random", "tests.test_baselines:Chess", "there are no baselines for the game 'chess'"),
        ("solver:101", "guess-number", "opener '101' is not a legal move of this game"),
        ("solver:abcz", "mastermind", "opener 'abcz' is not a legal move of this game"),
        ("solver:er", "hangman", "opener 'er' is not a legal move of this game"),
    ],
)
def test_what_a_game_has_not_is_explained_in_a_line(
    name: str, env_id: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tests.test_baselines", sys.modules[__name__])
    with pytest.raises(ConfigError) as caught:
        play_once(name, env_id)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_games_of_several_kinds_are_played_together() -> None:
    tasks = [
        Task(env_id=env_id, task_id=env_id, seed=1) for env_id in ("guess-number", "mastermind")
    ]
    episodes = play_games(
        load_baseline("solver"),
        tasks,
        make_env=lambda task: make_env(task.env_id),
        temperature=0.0,
        seeds=[0, 0],
    )
    assert all(episode.solved for episode in episodes)


def test_an_opener_is_part_of_the_name() -> None:
    assert load_baseline("random").name == "random"
    assert load_baseline("greedy-patterns:SALET").name == "greedy-patterns:SALET"
    assert load_baseline("greedy-patterns:SALET").opener == "salet"
