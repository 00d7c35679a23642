"""Preferences between answers to one prompt, as records and as JSON lines.

An answer is a whole multi-turn game or a plain completion. A line of a file has one of two forms:

    {"prompt": P, "chosen": A, "rejected": A}
    {"prompt": P, "responses": [A, A, ...], "ranks": [1, 2, ...]}      1 is the best, equal is a tie

P and A are texts, or lists of messages `{"role": ..., "content": ...}` in which `user` (what the
game says) and `assistant` (what the player says) take turns: P ends with the user, A begins with
the assistant. That is the conversational form that other libraries read as well. `group` names what
must not stand on both sides of a split, for example the secret; every further key is kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wordle_rl.errors import ConfigError
from wordle_rl.run_dir import write_atomically
from wordle_rl.seeding import seed_from

Texts = tuple[str, ...]
"""Contents of messages that take turns."""
ROLES = ("user", "assistant")
KEYS = frozenset({"prompt", "chosen", "rejected", "responses", "ranks", "group"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """Answers to one prompt and the order that somebody put them in."""

    prompt: Texts
    """What the player saw and, in turn, said before: user, assistant, ..., user."""
    responses: tuple[Texts, ...]
    """Each begins with the player: assistant, user, assistant, ..."""
    ranks: tuple[int, ...]
    """One a response; 1 is the best, equal ranks are ties."""
    group: str = ""
    """Rankings of one group never stand on both sides of a split; empty for the prompt's own."""
    info: Mapping[str, Any] = field(default_factory=dict)
    """Where it is from."""

    def __post_init__(self) -> None:
        if len(self.prompt) % 2 == 0:
            raise ValueError("a prompt ends with the user")
        if len(self.responses) < 2 or not all(self.responses):
            raise ValueError("a ranking needs two answers, and none without a message")
        if len(self.responses) != len(self.ranks):
            raise ValueError(f"{len(self.responses)} responses but {len(self.ranks)} ranks")

    @property
    def is_tie(self) -> bool:
        """Whether no answer is better than another."""
        return len(set(self.ranks)) == 1

    @property
    def pairs(self) -> int:
        """How many pairs of a better and a worse answer it holds."""
        return sum(i < j for i in self.ranks for j in self.ranks)

    @property
    def cluster(self) -> str:
        """What it is filed under: its group, else its prompt."""
        return self.group or "\n".join(self.prompt)

    def is_held_out(self, share: float) -> bool:
        """Whether it belongs to the `share` of groups that is kept for measuring."""
        return seed_from("preferences", self.cluster) < share * 2**63


def dense_ranks(keys: Sequence[Any]) -> tuple[int, ...]:
    """Rank 1 for the largest key, 2 for the next one; equal keys share a rank.

    >>> dense_ranks([0.5, 2.0, 0.5, 1.0])
    (3, 1, 3, 2)
    """
    order = {key: rank for rank, key in enumerate(sorted(set(keys), reverse=True), start=1)}
    return tuple(order[key] for key in keys)


def as_texts(observations: Sequence[str], actions: Sequence[str]) -> tuple[Texts, Texts]:
    """A game as prompt and response, what the game said at its end included.

    >>> as_texts(["wordle 5x6", "GGGGG"], ["crane"])
    (('wordle 5x6',), ('crane', 'GGGGG'))
    """
    opening, *seen = observations
    turns = zip(actions, seen, strict=True)
    return (opening,), tuple(text for turn in turns for text in turn)


def read_preferences(path: Path) -> list[Ranking]:
    """The rankings of a file, in order; blank lines are skipped.

    Raises:
        ConfigError: the file cannot be read or a line of it is wrong; the line is named.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise ConfigError(f"preferences {str(path)!r} cannot be read: {reason}") from None
    rankings = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                rankings.append(ranking_of(_loads(line)))
            except ValueError as error:
                raise ConfigError(f"{path}:{number}: {error}") from None
    return rankings


def write_preferences(path: Path, rankings: Iterable[Ranking]) -> None:
    """Write a file of rankings, whole or not at all."""
    write_atomically(path, "".join(map(to_line, rankings)))


def to_line(ranking: Ranking) -> str:
    """A ranking as one line; two answers of which one is better as chosen and rejected."""
    answers = [_messages(response, "assistant") for response in ranking.responses]
    values: dict[str, Any] = {"prompt": _messages(ranking.prompt, "user")}
    if sorted(ranking.ranks) == [1, 2]:
        chosen = ranking.ranks.index(1)
        values |= {"chosen": answers[chosen], "rejected": answers[1 - chosen]}
    else:
        values |= {"responses": answers, "ranks": list(ranking.ranks)}
    if ranking.group:
        values["group"] = ranking.group
    return json.dumps({**values, **ranking.info}) + "\n"


def ranking_of(values: Mapping[str, Any]) -> Ranking:
    """The ranking that a line describes.

    Raises:
        ValueError: saying what is wrong with it.
    """
    if not isinstance(values, dict):
        raise ValueError(f"a preference is a JSON object, not {values!r:.60}")
    if "prompt" not in values:
        raise ValueError("'prompt' is missing")
    if ("chosen" in values) == ("responses" in values):
        raise ValueError("either 'chosen' and 'rejected' or 'responses' and 'ranks' are needed")
    answers, ranks = _ranked(values) if "responses" in values else _pair(values)
    group = values.get("group", "")
    return Ranking(
        prompt=_texts("prompt", values["prompt"], "user", last="user"),
        responses=tuple(_texts(name, answer, "assistant") for name, answer in answers),
        ranks=ranks,
        group=group if isinstance(group, str) else json.dumps(group),
        info={key: value for key, value in values.items() if key not in KEYS},
    )


def _pair(values: Mapping[str, Any]) -> tuple[list[tuple[str, Any]], tuple[int, ...]]:
    if "rejected" not in values:
        raise ValueError("'rejected' is missing")
    return [(name, values[name]) for name in ("chosen", "rejected")], (1, 2)


def _ranked(values: Mapping[str, Any]) -> tuple[list[tuple[str, Any]], tuple[int, ...]]:
    answers, ranks = values["responses"], values.get("ranks")
    if not isinstance(answers, list) or not isinstance(ranks, list):
        raise ValueError("'responses' and 'ranks' have to be lists")
    if not all(type(rank) is int for rank in ranks):
        raise ValueError(f"'ranks' has to hold whole numbers, 1 for the best, not {ranks!r:.60}")
    return [(f"responses[{i}]", answer) for i, answer in enumerate(answers)], tuple(ranks)


def _texts(name: str, value: Any, first: str, *, last: str | None = None) -> Texts:
    """The contents of a text or of messages that take turns."""
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list) or not value:
        raise ValueError(f"{name!r} has to be a text or a list of messages, not {value!r:.60}")
    found = list(_contents(name, value, first))
    if last is not None and value[-1]["role"] != last:
        raise ValueError(f"{name!r} has to end with a message of the {last}")
    return tuple(found)


def _contents(name: str, messages: Sequence[Any], first: str) -> Iterator[str]:
    start = ROLES.index(first)
    for i, message in enumerate(messages):
        role = ROLES[(start + i) % 2]
        if not isinstance(message, dict) or not isinstance(message.get("content"), str):
            raise ValueError(f"{name}[{i}] has to be a message with role and content")
        if message.get("role") != role:
            raise ValueError(
                f"{name}[{i}] is of role {message.get('role')!r} where {role!r} has its turn "
                "(what a system message says belongs into the first user message)"
            )
        yield message["content"]


def _messages(contents: Texts, first: str) -> list[dict[str, str]]:
    start = ROLES.index(first)
    return [
        {"role": ROLES[(start + i) % 2], "content": content} for i, content in enumerate(contents)
    ]


def _loads(line: str) -> Any:
    try:
        return json.loads(line)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}") from None
