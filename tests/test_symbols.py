"""What a teacher would say next: exact distributions, by hand and against sampling."""

from __future__ import annotations

import numpy as np
import pytest

from wordle_rl.training.symbols import (
    ALPHABET,
    END,
    NOTHING,
    SYMBOLS,
    encode_answers,
    next_symbols,
)

WORDS = ("cat", "cot", "dog")


def probs(weights: list[float], said: str) -> np.ndarray:
    answers = encode_answers(WORDS)
    return next_symbols(np.array([weights], dtype=np.float32), encode_answers([said]), answers)[0]


def letter(symbol: str) -> int:
    return ALPHABET.index(symbol)


def test_answers_of_different_length_end_where_they_end() -> None:
    codes = encode_answers(["512", "7", "-1/2"])
    assert codes.shape == (3, 5)
    assert [int(row[n]) for row, n in zip(codes, (3, 1, 4), strict=True)] == [END, END, END]
    assert codes[1].tolist()[2:] == [NOTHING] * 3


def test_what_is_no_symbol_is_nothing() -> None:
    assert encode_answers(["A b"]).tolist() == [[NOTHING, NOTHING, letter("b"), END]]


def test_each_symbol_is_conditioned_on_those_before_it() -> None:
    found = probs([1, 1, 1], "cat")
    assert found[0, letter("c")] == pytest.approx(2 / 3)
    assert found[0, letter("d")] == pytest.approx(1 / 3)
    assert found[1, letter("a")] == found[1, letter("o")] == 0.5
    assert found[2, letter("t")] == found[3, END] == 1
    assert np.allclose(found.sum(axis=1), 1)


def test_weights_decide() -> None:
    assert probs([3, 0, 1], "cat")[0, letter("c")] == 0.75
    assert probs([3, 0, 1], "cat")[1, letter("a")] == 1


def test_silent_from_where_no_answer_begins_so() -> None:
    found = probs([1, 1, 1], "cut")
    assert found[:2].sum() == 2
    assert not found[2:].any()
    assert not probs([0, 0, 0], "cat").any()


def test_the_product_along_a_word_is_the_probability_of_the_word() -> None:
    rng = np.random.default_rng(0)
    words = sorted({"".join(rng.choice(list("abc"), 4)) for _ in range(40)})
    weights = rng.random((1, len(words))).astype(np.float32)
    answers = encode_answers(words)
    for w, row in enumerate(answers):
        found = next_symbols(weights, row[None], answers)[0]
        along = np.prod([found[place, symbol] for place, symbol in enumerate(row)])
        assert along == pytest.approx(weights[0, w] / weights.sum(), rel=1e-4)


def test_columns_are_the_symbols_and_the_end() -> None:
    assert probs([1, 1, 1], "cat").shape == (4, SYMBOLS)
    assert len(set(ALPHABET)) == END == SYMBOLS - 1
