"""The sizes that products of changing size are rounded to."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wordle_rl.agents.shapes import size_above, size_below

SIZES = {size_above(n) for n in range(1, 1025)}


def test_there_are_eight_sizes_an_octave() -> None:
    assert [n for n in sorted(SIZES) if n <= 32] == [*range(1, 17), *range(18, 33, 2)]
    for octave in (16, 32, 64, 128, 256, 512):
        assert len([n for n in SIZES if octave < n <= 2 * octave]) == 8


@given(st.integers(1, 1024))
def test_rounding_stays_within_an_eighth(n: int) -> None:
    assert n <= size_above(n) <= n * 9 / 8
    assert n * 8 / 9 <= size_below(n) <= n


@given(st.integers(1, 1024))
def test_both_ways_lead_to_the_same_sizes(n: int) -> None:
    assert size_above(n) == min(size for size in SIZES if size >= n)
    assert size_below(n) == max(size for size in SIZES if size <= n)


def test_nothing_stays_nothing() -> None:
    assert size_above(0) == 0
