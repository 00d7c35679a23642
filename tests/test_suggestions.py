"""Help with a puzzle: what fits, what is worth guessing, and what is wrong with a board."""

import numpy as np
import pytest

from wordle_rl.agents.suggestions import MAX_GUESSES, Row, advise, read_row
from wordle_rl.envs.feedback import consistent, feedback
from wordle_rl.envs.hard_mode import hard_mode_violation
from wordle_rl.envs.lexicon import find_lexicon, open_lexicon
from wordle_rl.errors import ConfigError

LEXICON = open_lexicon()


def board(secret: str, *guesses: str) -> list[Row]:
    return [(guess, feedback(guess, secret)) for guess in guesses]


@pytest.mark.parametrize(
    "text",
    [
        "crane:XXYGX",
        "CRANE:xxygx",
        "crane XXYGX",
        "crane:XXY GX",
        "crane:BBYGB",
        "crane:--yg.",
        "crane:\u2b1b\u2b1c\U0001f7e8\U0001f7e9\u2b1b",
        "  crane:XXYGX\n",
    ],
)
def test_a_row_as_people_write_it(text: str) -> None:
    assert read_row(text) == ("crane", "XXYGX")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("crane", "is not a guess with its colours"),
        ("crane:", "is not a guess with its colours"),
        ("cr4ne:XXYGX", "is not a guess with its colours"),
        ("crane:XXYGZ", "is not a guess with its colours"),
        ("", "is not a guess with its colours"),
        ("crane:XXYG", "5 letters but 4 colours"),
    ],
)
def test_a_row_that_is_none(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        read_row(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("secret", ["aback", "fizzy", "label", "watch"])
def test_the_words_left_are_those_that_fit(secret: str) -> None:
    rows = board(secret, "crane", "moist")
    advice = advise(LEXICON, rows)
    assert advice.on_list
    assert advice.left == tuple(w for w in LEXICON.all_answers if consistent(w, rows))
    legal = [w for w in LEXICON.guesses if consistent(w, rows)]
    assert advice.others == len(legal) - len(advice.left)


@pytest.mark.parametrize("guess", ["crane", "least", "zzzzz"])
def test_the_worth_of_a_guess_by_hand(guess: str) -> None:
    rows = board("label", guess)
    advice = advise(LEXICON, rows, n=3)
    for best in advice.suggestions:
        answers = [feedback(best.word, word) for word in advice.left]
        sizes = np.array([answers.count(marks) for marks in set(answers)])
        shares = sizes / sizes.sum()
        assert best.fits is (best.word in advice.left)
        assert best.bits == pytest.approx(-(shares * np.log2(shares)).sum())
        assert best.expected_left == pytest.approx((shares * sizes).sum() - best.fits / sizes.sum())


def test_suggestions_that_are_followed_win() -> None:
    used = []
    for secret in LEXICON.all_answers[::500]:
        rows = board(secret, "crate")
        while rows[-1][0] != secret:
            rows += board(secret, advise(LEXICON, rows, n=1).suggestions[0].word)
        used.append(len(rows))
    assert np.mean(used) <= 4
    assert max(used) <= MAX_GUESSES


def test_the_search_tells_how_many_guesses_are_left() -> None:
    advice = advise(LEXICON, board("watch", "catch"), n=5)
    assert 2 < len(advice.left) < 20
    expected = [best.guesses for best in advice.suggestions]
    assert None not in expected
    assert expected == sorted(expected, key=lambda guesses: guesses or 99)
    assert advice.suggestions[0].guesses is not None
    assert 1 < advice.suggestions[0].guesses < 3


def test_one_word_left_is_the_suggestion() -> None:
    advice = advise(LEXICON, board("label", "crane", "lapel"))
    assert advice.left == ("label",)
    assert [best.word for best in advice.suggestions] == ["label"]
    assert advice.suggestions[0].guesses == 1.0


def test_the_newspaper_may_have_a_word_that_we_have_not() -> None:
    rare = next(w for w in LEXICON.guesses if w not in LEXICON.all_answers and w[0] == "x")
    advice = advise(LEXICON, [(rare, "GGGGG")])
    assert not advice.on_list
    assert advice.left == (rare,)


def test_hard_mode_is_kept() -> None:
    rows = board("label", "crane")
    for best in advise(LEXICON, rows, hard_mode=True, n=8).suggestions:
        assert hard_mode_violation(rows, best.word) is None


def test_the_opening_is_that_of_the_tree() -> None:
    advice = advise(LEXICON, [])
    assert advice.suggestions[0].word == "crate"
    assert len(advice.left) == len(LEXICON.all_answers)
    assert len(advice.left) + advice.others == len(LEXICON.guesses)


@pytest.mark.parametrize(
    ("rows", "hard_mode", "message"),
    [
        ([("eerie", "XYXXX")], False, r"row 'eerie:XYXXX': no legal word fits it: check the"),
        (
            [("crane", "XXYGX"), ("slate", "XXXXX")],
            False,
            "row 'slate:XXXXX': no legal word fits it and the rows before it",
        ),
        ([("cranes", "XXXXXX")], False, "has 6 letters, the words of the lists 5"),
        ([("crane", "XXXXX")] * 6, False, "6 rows leave no guess"),
        ([("crane", "GXXXX"), ("moist", "XXXXX")], True, "breaks hard mode, letter 1 must be C"),
    ],
)
def test_a_board_that_cannot_be(rows: list[Row], hard_mode: bool, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        advise(LEXICON, rows, hard_mode=hard_mode)


def test_lists_of_ones_own() -> None:
    lexicon = find_lexicon(4, "all", ("barn", "darn", "warn", "yarn"), ("bowl", "dawn"))
    advice = advise(lexicon, [("warn", "XGGG")], n=2)
    assert advice.left == ("barn", "darn", "yarn")
    assert advice.suggestions[0].guesses is not None
