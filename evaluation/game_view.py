"""A recorded game as something to look at: its turns, and what was known after each.

In: a `GameRecord` and the words that can be the secret. Out: a `GameView`, from which the terminal
(`replay`) and the page (`report_page`) draw the same game.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from wordle_rl.envs import make_env, supported
from wordle_rl.errors import ConfigError
from wordle_rl.evaluation.games import GameRecord
from wordle_rl.evaluation.possible import WordsLeft, words_left
from wordle_rl.evaluation.replay import has_board, printable, record_of

WORD_LISTS = ("answers", "guesses")
"""The arguments of a game that replace its word lists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnView:
    """One turn."""

    guess: str
    marks: str
    """G, Y and X; empty where the game refused the guess, or has no such marks."""
    said: str
    """What the agent said where that is more than the guess; it can have many lines."""
    answer: str
    """What the game answered, of games without a board."""
    left: WordsLeft | None
    """None where the list of secrets is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GameView:
    """One game."""

    secret: str
    solved: bool
    result: str
    """How it ended, as a few words."""
    earned: str
    """Reward and advantage; empty where they were not recorded."""
    on_board: bool
    """Whether turns are rows of coloured letters."""
    opening: str
    """What was first seen, of games without a board."""
    turns: tuple[TurnView, ...]
    opponent: tuple[str, ...] = ()
    """What the other side of a game for two said, turn by turn; of older records nothing."""


def view_of(game: GameRecord, options: Mapping[str, Any] | None = None) -> GameView:
    """The view of a recorded game.

    Args:
        game: as it was recorded.
        options: the arguments of the game, where they are known; those for word lists are read.
    """
    record = record_of(game)
    on_board = has_board(record)
    rows = [(guess, marks if on_board else "") for guess, marks in record.rows]
    nothing: list[WordsLeft | None] = [None] * len(rows)
    secret = str(game.get("told_secret", game["secret"]))
    answers = _answers(game, {**(options or {}), **game.get("env_options", {})}) if on_board else ()
    given = [(guess, marks) for guess, marks in game.get("opening", [])]
    known = words_left([*given, *rows], answers, secret)[len(given) :] if answers else nothing
    seen = [printable(text) for text in game.get("observations", [])] or [""] * (len(rows) + 1)
    said = [printable(text).strip() for text in game.get("actions", game["guesses"])]
    turns = [
        TurnView(
            guess=guess,
            marks=marks,
            said="" if on_board and words.strip("[].").lower() == guess else words,
            answer="" if on_board else answer,
            left=left,
        )
        for (guess, marks), words, answer, left in zip(rows, said, seen[1:], known, strict=True)
    ]
    return GameView(
        secret=secret,
        solved=game["solved"],
        result=_result(game),
        earned=_earned(game),
        on_board=on_board,
        opening="" if on_board else seen[0],
        turns=tuple(turns),
        opponent=tuple(printable(said).strip() for _, said in game.get("opponent", [])),
    )


def _result(game: GameRecord) -> str:
    if game["solved"]:
        return f"solved in {game['n_guesses']}"
    if game["error"] is not None:
        return f"error: {printable(game['error'])}"
    return "a draw" if game["drawn"] else "not solved"


def _earned(game: GameRecord) -> str:
    if "reward" not in game:
        return ""
    advantage = game.get("advantage")
    return f"reward {game['reward']:g}" + (f", advantage {advantage:+.2f}" if advantage else "")


def _answers(game: GameRecord, options: Mapping[str, Any]) -> Sequence[str]:
    """The words that can be the secret; none where a board is not Wordle's or a list is gone."""
    lists = {key: options[key] for key in WORD_LISTS if key in options}
    frozen = {key: tuple(v) if isinstance(v, list) else v for key, v in lists.items()}
    letters = next(len(marks) for marks in game["feedback"] if marks)
    return _known_answers(game.get("env", "wordle"), letters, tuple(frozen.items()))


@lru_cache(maxsize=16)
def _known_answers(env_id: str, letters: int, lists: tuple[tuple[str, Any], ...]) -> Sequence[str]:
    try:
        wanted = supported(env_id, word_length=letters, **dict(lists))
        rules = make_env(env_id, **wanted).public()
    except ConfigError:
        return ()
    answers: Sequence[str] = rules.get("answers", ())
    return answers if rules.get("word_length") == letters else ()
