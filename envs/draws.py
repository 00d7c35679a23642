"""What a game draws from: a seed, and numpy's generator of it where one number is not enough."""

from __future__ import annotations

import numpy as np

WORD = 64
_MASK = (1 << WORD) - 1


class Draws:
    """The random numbers of a game from one seed on.

    Most games draw one number, their secret, and many are given even that. Seeding a generator of
    numpy's takes as long as three guesses, so it is made when somebody asks for it. Games that are
    one to their player share this object.
    """

    _generator: np.random.Generator | None = None

    def __init__(self, seed: int | None = None) -> None:
        self.seed = seed
        """As Gymnasium tells it: None where there never was one, -1 where it is not known."""
        self.is_fresh = seed is not None and seed <= _MASK
        """Whether the first number of the seed may still be drawn: in its own reset alone."""

    @property
    def generator(self) -> np.random.Generator | None:
        """Gymnasium's generator for the seed; None where there never was one."""
        if self._generator is None and self.seed is not None:
            self._generator = np.random.Generator(np.random.PCG64(self.seed))
        return self._generator

    @generator.setter
    def generator(self, value: np.random.Generator | None) -> None:
        self._generator, self.seed, self.is_fresh = value, None, False

    def first_word(self) -> int | None:
        """64 random bits that depend on the seed alone; None where they were taken already."""
        if not self.is_fresh or self.seed is None:
            return None
        self.is_fresh = False
        return split_mix(self.seed)


def split_mix(seed: int) -> int:
    """The first output of SplitMix64 for a seed (Steele, Lea and Flood 2014, OOPSLA).

    Seeds in a row give independent numbers: that is what it was made for.

    >>> hex(split_mix(0)), hex(split_mix(1234567))
    ('0xe220a8397b1dcdaf', '0x599ed017fb08fc85')
    """
    z: int = (seed + 0x9E3779B97F4A7C15) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return z ^ (z >> 31)
