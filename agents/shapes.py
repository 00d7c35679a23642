"""Sizes that come again.

On a CPU oneDNN builds kernels for every shape of a product that it has not met: one to three
milliseconds and half a megabyte to two each in bfloat16, kept as long as the process lives. How
many games are still running, how many rows a micro-batch has and how many tokens are trained
differs from step to step, and with them the products of a step. So these numbers are rounded (of
micro-batches all but the last) to eight sizes an octave (8, 9, ... 16, 18, ... 32, 36, ...), at
most an eighth away; what is added is never read.
"""

from __future__ import annotations


def size_above(n: int) -> int:
    """The smallest of the sizes that is at least `n`.

    >>> [size_above(n) for n in (1, 17, 100, 209, 256, 257)]
    [1, 18, 104, 224, 256, 288]
    """
    step = 1 << max(0, (n - 1).bit_length() - 4)
    return -(-n // step) * step


def size_below(n: int) -> int:
    """The largest of the sizes that is at most `n`.

    >>> [size_below(n) for n in (1, 17, 100, 209, 256, 257)]
    [1, 16, 96, 208, 256, 256]
    """
    step = 1 << max(0, n.bit_length() - 4)
    return n // step * step
