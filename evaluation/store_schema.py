"""The tables of the store, as the steps that made them.

A file's `user_version` says how many of `MIGRATIONS` it has had; opening it applies the rest, each
in a transaction. A step that has been released is never changed: a new one is appended.
"""

from __future__ import annotations

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE results (
            id TEXT PRIMARY KEY,
            agent TEXT NOT NULL,
            fingerprint TEXT NOT NULL,
            suite TEXT NOT NULL,
            suite_hash TEXT NOT NULL,
            created TEXT NOT NULL,
            result TEXT NOT NULL  -- the other fields of `Result` as JSON, without the games
        ) STRICT""",
        "CREATE INDEX results_by_suite ON results (suite, suite_hash)",
        """CREATE TABLE games (
            id INTEGER PRIMARY KEY,
            result_id TEXT NOT NULL REFERENCES results (id) ON DELETE CASCADE,
            mode TEXT NOT NULL,
            secret TEXT NOT NULL,
            sample INTEGER NOT NULL,
            outcome TEXT NOT NULL,  -- won, drawn or lost
            n_guesses INTEGER NOT NULL,
            game TEXT NOT NULL,  -- `GameRecord` as JSON
            UNIQUE (result_id, mode, secret, sample)
        ) STRICT""",
        "CREATE INDEX games_of_result ON games (result_id, mode, outcome)",
    ),
)
