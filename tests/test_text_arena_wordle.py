"""Wordle as TextArena words it: its own prompt and rules, our words and scorer."""

import copy
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import wordle_rl
from tests.nltk_data import write_tagger, write_words
from wordle_rl.envs.feedback import feedback
from wordle_rl.envs.text_arena_wordle import TextArenaWordleEnv
from wordle_rl.envs.words import load_words, split_of
from wordle_rl.errors import ConfigError

FOLDER = Path(wordle_rl.__file__).parents[1]


def play(*actions: str, secret: str = "crane", **options: Any) -> list[Any]:
    """Every step of a game on a secret."""
    env = TextArenaWordleEnv(**options)
    came: list[Any] = [env.reset(seed=0, options={"secret": secret})]
    for action in actions:
        came.append(env.step(action))
        if came[-1][2]:
            break
    return came


def statuses(*actions: str, **options: Any) -> list[str]:
    return [step[-1]["status"] for step in play(*actions, **options)[1:]]


def test_the_prompt_is_that_of_the_installed_package() -> None:
    from wordle_rl.envs.text_arena_wordle_game import WordleEnv

    observation, info = play()[0]
    theirs = WordleEnv._generate_player_prompt(
        None, 0, {"word_length": 5, "num_guesses": 6, "secret_word": "crane"}
    )
    assert observation == theirs.strip("\n")
    assert "6 attempts" in observation
    assert info["word_pool"] == "own"


def test_a_guess_is_scored_and_worded_as_theirs() -> None:
    from wordle_rl.envs.text_arena_wordle_game import WordleEnv

    observation, _, _, _, info = play("[eerie]", secret="there")[-1]
    assert observation == (
        "You submitted [eerie].\nFeedback:\nE E R I E\nY X Y X G\nYou have 5 guesses left."
    )
    assert (info["feedback"], info["turn"], info["consistent"]) == ("YXYXG", 1, True)
    original: Any = WordleEnv.__new__(WordleEnv)
    original.word_length = 5
    for guess, secret in [("llama", "label"), ("abbey", "kebab"), ("geese", "eerie")]:
        original.state = type(
            "State", (), {"game_state": {"word_length": 5, "secret_word": secret}}
        )
        assert "".join(original._evaluate_guess(guess)) == feedback(guess, secret)


def test_the_first_bracket_counts_and_thinking_does_not() -> None:
    assert play("[slate] no, [crane]")[-1][-1]["guess"] == "slate"
    assert play("<think>[slate]</think>[crane]")[-1][-1]["solved"] is True
    assert play("crane")[-1][-1]["solved"] is True, "TextArena adds brackets where there are none"
    assert statuses("my guess is crane") == ["no_guess"]


def test_every_refusal_has_a_status_and_the_second_in_a_row_loses() -> None:
    actions = ["[c r]", "[slate]", "[slate]", "[stare]", "[cran]", "[pound]", "[zzzzz]", "[x]"]
    expected = ["no_guess", "ok", "repeat_refused", "ok", "bad_length", "ok", "unknown_word"]
    assert statuses(*actions) == [*expected, "bad_length"]
    *_, (observation, reward, ended, _, info) = play(*actions)
    assert (reward, ended, info["end_reason"], info["turn"]) == (0.0, True, "invalid", 3)
    assert observation == "Invalid Move: Your word must be exactly 5 letters."
    assert info["secret"] == "crane"


def test_a_lost_game_is_paid_nothing_unless_asked() -> None:
    words = ["[slate]", "[stare]", "[pound]", "[mound]", "[crate]", "[crave]"]
    *_, (observation, reward, ended, _, info) = play(*words)
    assert (reward, ended, info["end_reason"], info["turn"]) == (0.0, True, "out_of_guesses", 6)
    assert "The secret word was: **crane**." in observation
    assert play(*words, reward="native")[-1][1] == pytest.approx(0.8)
    assert play("[crane]", reward="native")[-1][1] == 1.0


def test_the_secret_is_told_at_the_end_alone() -> None:
    env = TextArenaWordleEnv(history="full", render_mode="ansi")
    openings = set()
    for seed in range(20):
        opening, info = env.reset(seed=seed)
        openings.add(f"{opening} {info} {env.public()} {env.render()} {str(env).partition(' at ')}")
        observation, _, _, _, info = env.step("[zzzzz]")
        assert "secret" not in info
        shown = f"{observation} {env.render()}"
        secret = env.step("[zzzzz]")[4]["secret"]
        assert secret not in shown
        assert secret in env.answers
    assert len(openings) == 1


def test_words_and_splits() -> None:
    env = TextArenaWordleEnv(split="test")
    assert env.answers == tuple(w for w in load_words("answers") if split_of(w) == "test")
    secrets = set()
    for seed in range(30):
        env.reset(seed=seed)
        env.step("x")
        secrets.add(env.step("x")[4]["secret"])
    assert secrets <= set(env.answers)
    assert len(secrets) > 20
    assert env.public()["answers"] == load_words("answers")
    given = TextArenaWordleEnv(answers=["crane", "slate"], guesses=["stare"])
    assert given.guesses == ("crane", "slate", "stare")
    assert given.reset(seed=0)[1]["word_pool"] == "given"


def test_long_words() -> None:
    env = TextArenaWordleEnv(word_length=7, max_guesses=9)
    assert "7-letter word" in env.reset(seed=0, options={"secret": "justice"})[0]
    assert env.step("[justice]")[4]["solved"] is True


@pytest.mark.parametrize("fork", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_a_fork_goes_on_as_the_game_would(fork: Any) -> None:
    env = TextArenaWordleEnv()
    env.reset(seed=1)
    env.step("[slate]")
    twin = fork(env)
    assert twin.step("[crane]") == env.step("[crane]")
    assert twin.reset() == env.reset()
    assert [twin.step("x"), twin.step("x")] == [env.step("x"), env.step("x")]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pool": "nltkk"}, "unknown pool 'nltkk': did you mean 'nltk'?"),
        ({"reward": "shaped"}, "unknown reward 'shaped': "),
        ({"max_guesses": 0}, "max_guesses 0 is not a whole number from 1 to 100"),
        ({"word_length": 3}, "no packaged words of length 3"),
        ({"history": "some"}, "unknown history 'some'"),
    ],
)
def test_wrong_options_are_explained_in_a_line(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        TextArenaWordleEnv(**options)
    assert str(caught.value).startswith(message)


def test_wrong_secrets_are_refused() -> None:
    env = TextArenaWordleEnv()
    for secret in ("zzzzz", 5, "cranes"):
        with pytest.raises(ConfigError, match="is not in the word list"):
            env.reset(options={"secret": secret})
    with pytest.raises(ConfigError, match="unknown reset option 'secrte': did you mean 'secret'"):
        env.reset(options={"secrte": "crane"})


# --- TextArena's own words

NLTK_GAMES = """
import json
from wordle_rl.envs import make_env
from wordle_rl.errors import ConfigError
try:
    env = make_env("textarena-wordle", pool="nltk")
except ConfigError as error:
    print(json.dumps(str(error)))
    raise SystemExit
said = [env.reset(seed=0)[1]["word_pool"], sorted(env.answers), "crane" in env.guesses]
hangman = make_env("textarena:Hangman-v0")
hangman.reset(seed=0)
steps = [hangman.step(action) for action in ("[!]", "[!]")]
print(json.dumps([*said, steps[-1][4]["secret"], steps[-1][4]["end_reason"]]))
"""


def run_with_data(folder: Path) -> Any:
    done = subprocess.run(
        [sys.executable, "-c", NLTK_GAMES],
        capture_output=True,
        text=True,
        cwd=FOLDER,
        env={**os.environ, "NLTK_DATA": str(folder), "HOME": str(folder)},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_without_nltk_data_their_words_are_refused(tmp_path: Path) -> None:
    assert run_with_data(tmp_path) == (
        "pool 'nltk' needs NLTK data that is not installed: run `python -m nltk.downloader words "
        "averaged_perceptron_tagger_eng` once, or use pool='own'"
    )


def test_with_nltk_data_their_words_are_nouns(tmp_path: Path) -> None:
    """A tiny stand-in for NLTK's data: three nouns of five letters, an adjective, a name."""
    basic = ["crane", "money", "plant", "green", "Abner", "sea"]
    write_words(tmp_path, basic, english=["crane", "Abner", "money"])
    write_tagger(tmp_path, {"green": "JJ", "crane": "NN", "money": "NN", "plant": "NN"})
    pool, answers, knows_crane, secret, reason = run_with_data(tmp_path)
    assert (pool, answers, knows_crane) == ("nltk", ["crane", "money", "plant"], True)
    assert (secret in basic, reason) == (True, "invalid")
