"""Scoring: published vectors, the laws any correct scoring obeys, and one word against many."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordle_rl.envs.feedback import (
    consistent,
    encode_words,
    feedback,
    pattern_code,
    pattern_matrix,
    pattern_text,
)
from wordle_rl.envs.words import load_words

# guess/secret=pattern, on which two independent implementations agree. 29 of them are wrong under
# the naive rule "yellow if the letter is in the word".
TABLE = """
crane/crane=GGGGG  speed/abide=XXYXY  speed/erase=YXYYX  speed/steal=GXGXX  speed/crepe=XYGYX
speed/speed=GGGGG  eerie/there=YXYXG  eerie/eerie=GGGGG  there/eerie=XXYYG  geese/eerie=XGYXG
llama/label=GYYXX  label/llama=GYXXY  allow/llama=YGYXX  hello/label=XYYYX  alloy/loyal=YYYYY
loyal/alloy=YYYYY  abbey/babes=YYGGX  babes/abbey=YYGGX  abbey/abbot=GGGXX  abbey/kebab=YYGYX
kebab/abbey=XYGYY  apple/paper=YYGXY  paper/apple=YYGYX  apply/puppy=XYGXG  puppy/poppy=GXGGG
poppy/puppy=GXGGG  mamma/maxim=GGYXX  mamma/madam=GGYXY  madam/mamma=GGXYY  maxim/mamma=GGXXY
sassy/essay=YYGXG  essay/sassy=XYGYG  assay/sassy=YYGXG  sissy/swiss=GYYGX  swiss/sissy=GXYGY
tatty/attic=YYGXX  attic/tatty=YYGXX  tepee/elite=YYXXG  elite/tepee=YXXYG  melee/elite=XYYXG
onion/union=XGGGG  union/onion=XGGGG  nanny/annoy=YYGXG  annoy/nanny=YYGXG  array/rarer=YYGXX
rarer/array=YYGXX  error/rarer=YYGXG  mummy/gummy=XGGGG  fluff/offal=YYXYX  offal/fluff=XYYXY
daddy/added=YYGYX  added/daddy=YYGXY  crate/trace=YGGYG  trace/crate=YGGYG  adieu/audio=GYYXY
stare/tears=YYGGY  aback/aback=GGGGG  zzzzz/pizza=XXGGX  pizza/jazzy=XXGGY  jazzy/pizza=XYGGX
aaaaa/banal=XGXGX  aaaaa/aback=GXGXX  eeeee/eerie=GGXXG  eeeee/there=XXGXG  level/revel=XGGGG
revel/level=XGGGG  civic/vivid=XGGGX  vivid/civic=XGGGX  bobby/booby=GGXGG  booby/bobby=GGXGG
cocoa/coach=GGYXY  coach/cocoa=GGYYX  sleep/steel=GYGGX  steel/sleep=GXGGY  goose/geese=GXXGG
xylyl/lymph=XGYXX  recur/ulcer=XYGYG  ulcer/recur=YXGYG  crane/ulcer=YYXXY  robot/motor=YGXGY
motor/robot=XGYGY  tenet/teeth=GGXYY  teeth/tenet=GGYYX
"""
VECTORS = TABLE.split()

few_letters = st.text(alphabet="abc", min_size=5, max_size=5)
"""Words of three letters: nearly all of them repeat one."""


def naive(guess: str, secret: str) -> str:
    pairs = zip(guess, secret, strict=True)
    return "".join("G" if g == s else "Y" if g in secret else "X" for g, s in pairs)


def by_counting(guess: str, secret: str) -> str:
    """The rule written down another way: a copy is coloured if the secret has so many left."""
    green = [g == s for g, s in zip(guess, secret, strict=True)]
    spare = Counter(s for s, hit in zip(secret, green, strict=True) if not hit)
    marks = []
    for i, letter in enumerate(guess):
        misses_before = sum(guess[j] == letter and not green[j] for j in range(i))
        marks.append("G" if green[i] else "Y" if misses_before < spare[letter] else "X")
    return "".join(marks)


@pytest.mark.parametrize("vector", VECTORS)
def test_vector(vector: str) -> None:
    words, pattern = vector.split("=")
    guess, secret = words.split("/")
    assert feedback(guess, secret) == pattern
    assert int(pattern_matrix([guess], [secret])[0, 0]) == pattern_code(pattern)


def test_vectors_are_all_there_and_catch_the_naive_rule() -> None:
    assert len(set(VECTORS)) == 83
    wrong = [v for v in VECTORS if naive(*v.split("=")[0].split("/")) != v.split("=")[1]]
    assert len(wrong) == 29


@given(few_letters, few_letters)
def test_feedback_is_the_counting_rule(guess: str, secret: str) -> None:
    assert feedback(guess, secret) == by_counting(guess, secret)


@given(few_letters, few_letters)
def test_colours_are_symmetric_and_add_up(guess: str, secret: str) -> None:
    there, back = feedback(guess, secret), feedback(secret, guess)
    assert there.count("G") == back.count("G")
    assert there.count("Y") == back.count("Y")
    shared = (Counter(guess) & Counter(secret)).total()
    assert there.count("G") + there.count("Y") == shared


@given(few_letters, few_letters)
def test_all_green_means_equal_and_four_greens_leave_no_yellow(guess: str, secret: str) -> None:
    pattern = feedback(guess, secret)
    assert (pattern == "GGGGG") == (guess == secret)
    assert Counter(pattern) != Counter("GGGGY")


@given(st.text("xyz", min_size=1, max_size=8), st.data())
def test_any_length_agrees_with_the_matrix(guess: str, data: st.DataObject) -> None:
    secret = data.draw(st.text("xyz", min_size=len(guess), max_size=len(guess)))
    pattern = int(pattern_matrix([guess], [secret])[0, 0])
    assert pattern_text(pattern, len(guess)) == by_counting(guess, secret)


def test_matrix_is_the_function_on_a_sample_of_the_lists() -> None:
    guesses, secrets = load_words("guesses")[::97], load_words("answers")[::31]
    matrix = pattern_matrix(guesses, secrets)
    assert matrix.shape == (len(guesses), len(secrets))
    expected = [[pattern_code(by_counting(g, s)) for s in secrets] for g in guesses]
    np.testing.assert_array_equal(matrix, expected)


def test_matrix_does_not_depend_on_its_blocks() -> None:
    guesses, secrets = load_words("guesses")[:1100], load_words("answers")[:3]
    whole = pattern_matrix(guesses, secrets)
    for row in (0, 511, 512, 1023, 1024, 1099):
        np.testing.assert_array_equal(whole[row], pattern_matrix([guesses[row]], secrets)[0])


def test_patterns_and_codes_are_inverse() -> None:
    texts = [pattern_text(code, 5) for code in range(243)]
    assert len(set(texts)) == 243
    assert [pattern_code(text) for text in texts] == list(range(243))
    assert (texts[0], texts[1], texts[81 * 2], texts[242]) == ("XXXXX", "XXXXY", "GXXXX", "GGGGG")


def test_six_letters_need_more_than_a_byte() -> None:
    assert int(pattern_matrix(["planet"], ["planet"])[0, 0]) == 3**6 - 1


def test_words_as_codes() -> None:
    np.testing.assert_array_equal(encode_words(["abz", "zzz"]), [[0, 1, 25], [25, 25, 25]])


def test_words_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="'crane' and secret 'planet' differ in length"):
        feedback("crane", "planet")


@given(few_letters, st.lists(few_letters, max_size=3))
def test_the_secret_is_always_consistent(secret: str, guesses: list[str]) -> None:
    history = [(guess, feedback(guess, secret)) for guess in guesses]
    assert consistent(secret, history)


def test_consistent_means_same_feedback_on_every_earlier_guess() -> None:
    history = [("crane", "XXYXG"), ("slate", "YYYXG")]
    fitting = [word for word in load_words("answers") if consistent(word, history)]
    assert fitting == [
        word
        for word in load_words("answers")
        if by_counting("crane", word) == "XXYXG" and by_counting("slate", word) == "YYYXG"
    ]
    assert "lapse" in fitting
    assert not consistent("slate", history)
