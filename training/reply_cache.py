"""Replies of a model on disk, so that no question is paid for twice. One SQLite file.

Any number of processes may use a file at once: every write is one short transaction of its own.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from wordle_rl.agents.api_client import ChatReply, Message
from wordle_rl.errors import RunError

WAIT_S = 60.0
"""How long a process waits for another one that writes."""
TABLE = """CREATE TABLE IF NOT EXISTS replies (
    key TEXT PRIMARY KEY, text TEXT NOT NULL, finish_reason TEXT NOT NULL,
    prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL)"""


def reply_key(model: str, messages: Sequence[Message]) -> str:
    """sha256 of who is asked (with its settings) and what."""
    content = json.dumps([model, [dict(message) for message in messages]], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


class ReplyCache:
    """Replies by `reply_key`; the file is made at the first use.

    Raises:
        RunError: from every method, where the file cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def get(self, keys: Sequence[str]) -> dict[str, ChatReply]:
        """The known ones of these keys."""
        found = {}
        with self._open() as connection:
            for key in dict.fromkeys(keys):
                query = "SELECT text, finish_reason, prompt_tokens, completion_tokens FROM replies"
                row = connection.execute(f"{query} WHERE key = ?", (key,)).fetchone()
                if row is not None:
                    text, finish_reason, prompt_tokens, completion_tokens = row
                    found[key] = ChatReply(
                        text=text,
                        finish_reason=finish_reason,
                        prompt_tokens=prompt_tokens,
                        completion_tokens=completion_tokens,
                    )
        return found

    def put(self, key: str, reply: ChatReply) -> None:
        """Keep a reply; it is on disk when this returns."""
        row = (key, reply.text, reply.finish_reason, reply.prompt_tokens, reply.completion_tokens)
        with self._open() as connection, connection:
            connection.execute("INSERT OR REPLACE INTO replies VALUES (?, ?, ?, ?, ?)", row)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self.path, timeout=WAIT_S)) as connection:
                connection.execute(TABLE)
                yield connection
        except (sqlite3.Error, OSError) as error:
            raise RunError(
                f"replies cannot be kept in {str(self.path)!r}: {error}: "
                "name another file by judge.cache"
            ) from None
