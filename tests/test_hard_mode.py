"""Hard mode: the vectors of the newspaper's client, and what follows from the rule."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordle_rl.envs.feedback import feedback
from wordle_rl.envs.hard_mode import hard_mode_violation
from wordle_rl.envs.wordle import WordleEnv

# (earlier guess, secret, next guess, complaint)
VECTORS = [
    ("crane", "trace", "caper", "letter 2 must be R"),
    ("crane", "trace", "trace", None),
    ("speed", "erase", "eager", "the guess must hold S"),
    ("speed", "erase", "stern", "the guess must hold E at least 2 times"),
    ("speed", "erase", "geese", None),
    ("slate", "least", "stale", None),
    ("slate", "least", "steal", "letter 3 must be A"),
    ("allow", "llama", "lolly", "letter 2 must be L"),
    ("allow", "llama", "label", "letter 2 must be L"),
    ("allow", "llama", "allay", None),
    ("crane", "brain", "grain", None),
    ("crane", "brain", "crank", None),  # the gray C may be played again
    ("crane", "brain", "train", None),
    ("moist", "light", "might", None),
    ("moist", "light", "tight", None),
    ("abbey", "kebab", "ebbed", "the guess must hold A"),
    ("abbey", "kebab", "beach", "letter 3 must be B"),
    ("abbey", "kebab", "babel", None),
]
words = st.text("abc", min_size=5, max_size=5)


@pytest.mark.parametrize(("earlier", "secret", "guess", "complaint"), VECTORS)
def test_vector(earlier: str, secret: str, guess: str, complaint: str | None) -> None:
    assert hard_mode_violation([(earlier, feedback(earlier, secret))], guess) == complaint


def test_every_earlier_guess_counts() -> None:
    history = [("crane", feedback("crane", "grain")), ("brawn", feedback("brawn", "grain"))]
    assert hard_mode_violation(history[:1], "frank") is None
    assert hard_mode_violation(history, "frank") == "letter 5 must be N"


@given(words, st.lists(words, max_size=4))
def test_the_secret_is_always_legal(secret: str, guesses: list[str]) -> None:
    history = [(guess, feedback(guess, secret)) for guess in guesses]
    assert hard_mode_violation(history, secret) is None


@given(words, words, words)
def test_the_rule_in_other_words(secret: str, earlier: str, guess: str) -> None:
    marks = feedback(earlier, secret)
    keeps_greens = all(g == e for g, e, m in zip(guess, earlier, marks, strict=True) if m == "G")
    coloured = [e for e, m in zip(earlier, marks, strict=True) if m != "X"]
    uses_letters = all(guess.count(letter) >= coloured.count(letter) for letter in coloured)
    legal = hard_mode_violation([(earlier, marks)], guess) is None
    assert legal == (keeps_greens and uses_letters)


def test_the_game_refuses_and_reveals_nothing() -> None:
    """The answer to an illegal guess is the same for every secret that fits the feedback so far."""
    answers = {}
    for secret in ("trace", "brace"):
        env = WordleEnv(hard_mode=True, style="chat")
        env.reset(options={"secret": secret})
        rows = env.step("[grace]")[0]
        observation, _, _, _, info = env.step("[caper]")
        answers[secret] = (rows, observation, info)
    assert answers["trace"] == answers["brace"]
    observation, info = answers["trace"][1:]
    assert observation == "Guess 2/6 was refused. Hard mode: letter 2 must be R."
    assert (info["status"], info["feedback"], info["turn"]) == ("hard_mode", "", 2)


def test_an_ordinary_game_plays_on() -> None:
    env = WordleEnv(hard_mode=False)
    env.reset(options={"secret": "trace"})
    env.step("[crane]")
    assert env.step("[caper]")[4]["status"] == "ok"
