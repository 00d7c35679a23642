"""Seeds as functions of names: the same parts give the same number on every machine.

No random state is carried from step to step, so a resumed run draws what the unbroken run drew.
"""

from __future__ import annotations

import hashlib

import numpy as np


def seed_from(*parts: int | str) -> int:
    """A seed in [0, 2**63) from any parts, for example (run seed, "rollout", step, row).

    >>> seed_from(0, "rollout", 3) == seed_from(0, "rollout", 3)
    True
    >>> seed_from(0, "rollout", 3) == seed_from(0, "rollout", 4)
    False
    """
    text = "\x1f".join(f"{type(part).__name__}:{part}" for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(*parts: int | str) -> np.random.Generator:
    """A numpy generator seeded from any parts."""
    return np.random.default_rng(seed_from(*parts))
