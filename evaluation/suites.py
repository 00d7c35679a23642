"""Frozen suites: which secrets of which game, under which rules, and a hash that says so.

A suite is named by what it is for: settings are chosen on `wordle-val`, published figures come from
`wordle-heldout`, and `wordle-train` stands beside them to show the gap. Two results compare only if
their `suite_hash` is equal: it covers everything that fixes a game but the agent.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from wordle_rl.envs.words import Split, load_words, split_words
from wordle_rl.errors import ConfigError, unknown_name
from wordle_rl.records import Task
from wordle_rl.seeding import generator

SUITE_VERSION = 1
"""Raised when the rules of a suite change in a way its other fields do not show."""
WORDLE_SPLITS: dict[str, Split] = {
    "wordle-train": "train",
    "wordle-val": "val",
    "wordle-heldout": "test",
    "wordle-all": "all",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """How a suite is played and counted."""

    max_guesses: int
    """A loss counts as one guess more."""
    samples: int
    """Sampled games for each secret, beside the greedy one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """A fixed set of tasks under fixed rules."""

    name: str
    env_id: str
    env_options: Mapping[str, Any] = field(default_factory=dict)
    """What fixes the game; style and history belong to the agent."""
    split: str
    tasks: tuple[Task, ...]
    """One per secret."""
    protocol: Protocol
    lists_hash: str = ""
    """sha256 of the words that can be a secret and of those that may be played."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """The secrets in the order of the tasks."""
        return tuple(str(task.options["secret"]) for task in self.tasks)

    @property
    def suite_hash(self) -> str:
        """sha256 of everything that fixes the result of an agent."""
        content = {
            "version": SUITE_VERSION,
            "env_id": self.env_id,
            "env_options": dict(self.env_options),
            "secrets": self.secrets,
            "lists": self.lists_hash,
            "max_guesses": self.protocol.max_guesses,
        }
        return sha256(json.dumps(content, sort_keys=True, separators=(",", ":")))

    def subset(self, n: int, seed: int = 0) -> Suite:
        """`n` of the tasks, drawn once and for all by `seed`, in their old order.

        The games are those of the whole suite, but the name and the hash are not: a result on
        some of the secrets is never mistaken for one on all of them.

        Raises:
            ConfigError: `n` is not positive.
        """
        if n < 1:
            raise ConfigError(f"a suite needs at least one secret, got {n!r}")
        if n >= len(self.tasks):
            return self
        chosen = generator("suite subset", seed).permutation(len(self.tasks))[:n]
        tasks = tuple(self.tasks[i] for i in sorted(chosen))
        return replace(self, name=f"{self.name}[{n}]", tasks=tasks)


def load_suite(name: str, split: str | None = None) -> Suite:
    """The suite of a name.

    Args:
        name: such as `wordle-heldout`.
        split: the same game on the secrets of another split: `train`, `val`, `test` or `all`.

    Raises:
        ConfigError: there is no such suite or split; the message names the nearest.

    >>> load_suite("wordle-heldout", split="val").name
    'wordle-val'
    """
    if name not in WORDLE_SPLITS:
        raise unknown_name("suite", name, WORDLE_SPLITS)
    if split is not None:
        name = _suite_of_split(split)
    return _wordle_suite(name, load_words("answers", 5), load_words("guesses", 5))


def _suite_of_split(split: str) -> str:
    names = {of: name for name, of in WORDLE_SPLITS.items()}
    if split not in names:
        raise unknown_name("split", split, names)
    return names[split]


def _wordle_suite(name: str, answers: Sequence[str], guesses: Sequence[str]) -> Suite:
    env_id, split = "wordle-rl/Wordle-v0", WORDLE_SPLITS[name]
    protocol = Protocol(max_guesses=6, samples=4)
    return Suite(
        name=name,
        env_id=env_id,
        env_options={"max_guesses": protocol.max_guesses, "invalid_policy": "consume"},
        split=split,
        tasks=tuple(
            Task(
                env_id=env_id,
                task_id=f"{name}/{secret}",
                seed=0,
                split=split,
                options={"secret": secret},
            )
            for secret in split_words(answers, split)
        ),
        protocol=protocol,
        lists_hash=sha256("\n".join([*answers, "", *guesses])),
    )


def sha256(text: str) -> str:
    """The sha256 of a text in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()
