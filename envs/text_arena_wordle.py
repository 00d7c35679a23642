"""Wordle as TextArena words it, on our words: for figures that compare with published ones.

Models that were trained or measured elsewhere know TextArena's prompt, its one bracketed guess and
its rule of two strikes. This environment runs that game, so one checkpoint can play both forms.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any, Literal, get_args

from wordle_rl.envs.arguments import check_choice, check_range
from wordle_rl.envs.base import History, Style, TextEnv
from wordle_rl.envs.feedback import consistent
from wordle_rl.envs.lexicon import WordSource, find_lexicon
from wordle_rl.envs.text_arena import REWARDS
from wordle_rl.envs.text_arena_match import Match
from wordle_rl.envs.words import Split
from wordle_rl.errors import ConfigError

Pool = Literal["own", "nltk"]
_GUESS = re.compile(r"\[(\w+)\]")
"""What TextArena takes for a guess: the first word in square brackets."""


class TextArenaWordleEnv(TextEnv):
    """TextArena's Wordle.

    ## Description
    The game of `textarena.make("Wordle-v0")`: its prompt, texts and rules, on the words of this
    project or on TextArena's own.

    ## Action Space
    `Text`: anything. The first `[word]` counts, thinking left out; text without brackets is put in
    brackets. A word of the wrong length, unknown, or guessed before is refused: the first refusal
    costs nothing, the second in a row loses the game.

    ## Observation Space
    `Text`: TextArena's words, in our histories and styles (`TextArenaEnv`).

    ## Rewards
    `reward="binary"` pays 1 for a win, "native" TextArena's own number at the end, which is up to
    0.8 for a lost game.

    ## Starting State
    A secret drawn uniformly from `answers`, or `reset(options={"secret": word})`.

    ## Episode End
    Terminated when the word is found, the guesses are used up, or after two refusals in a row.

    ## Info
    The keys of `WordleEnv`. `turn` counts accepted guesses; `status` is `start`, `ok`, `no_guess`,
    `bad_length`, `unknown_word` or `repeat_refused`; `end_reason` is empty, `solved`,
    `out_of_guesses`, `invalid` or `error`; `word_pool` says where the words come from: `own`,
    `nltk` or `given`.

    ## Arguments
    * `word_length`, `max_guesses`: 5 and 6; TextArena's `-long` form is 7 and 9.
    * `pool`: "own" for the packaged lists, the same everywhere; "nltk" for TextArena's, computed
      from NLTK's data where that is installed.
    * `answers`, `guesses`: a path or words in place of the pool.
    * `split`: "train", "val", "test" or "all": which of the answers are drawn.
    * `reward`, `style`, `history`: as above.
    * `render_mode`: "ansi" returns the game so far, "human" prints what is new.

    ## Version History
    * v0: first version, for TextArena 0.7.4.
    """

    def __init__(
        self,
        *,
        word_length: int = 5,
        max_guesses: int = 6,
        split: Split = "all",
        pool: Pool = "own",
        answers: WordSource = None,
        guesses: WordSource = None,
        reward: str = "binary",
        style: Style = "chat",
        history: History = "last",
        render_mode: str | None = None,
    ) -> None:
        """Load the lists. Raises ConfigError for what is not allowed or not installed."""
        super().__init__(render_mode=render_mode)
        check_choice("pool", pool, get_args(Pool))
        check_choice("reward", reward, REWARDS)
        check_choice("style", style, get_args(Style))
        check_choice("history", history, get_args(History))
        check_range("max_guesses", max_guesses, 1, 100)
        if pool == "nltk" and answers is None and guesses is None:
            answers, guesses = _nltk_words(word_length)
            self._pool = "nltk"
        else:
            self._pool = "own" if answers is None and guesses is None else "given"
        self._lexicon = find_lexicon(word_length, split, answers, guesses)
        self._word_length, self._max_guesses = word_length, max_guesses
        self._scheme = REWARDS[reward]
        build = partial(_make_wordle, self._lexicon, word_length, max_guesses)
        self._match = Match("Wordle-v0", 1, style=style, history=history, build=build)

    @property
    def answers(self) -> tuple[str, ...]:
        """The words of the split: what secrets are drawn from."""
        return self._lexicon.answers

    @property
    def guesses(self) -> tuple[str, ...]:
        """The words that may be played."""
        return self._lexicon.guesses

    def public(self) -> Mapping[str, Any]:
        """The rules and both lists, as `WordleEnv.public`."""
        return {
            "game": "wordle",
            "guesses": self._lexicon.guesses,
            "answers": self._lexicon.all_answers,
            "word_length": self._word_length,
            "max_guesses": self._max_guesses,
            "hard_mode": False,
        }

    def _start(self, options: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        for key in options:
            check_choice("reset option", key, ["secret"])
        self._secret = self._check_secret(options["secret"]) if options else self._draw_secret()
        self._match.engine.env.choose(self._secret)
        self._match.reset(int(self.np_random.integers(2**31)))
        return self._match.observation(0), self._info("start", "", "", False, {})

    def _draw_secret(self) -> str:
        return self.answers[int(self.np_random.integers(len(self.answers)))]

    def _check_secret(self, secret: Any) -> str:
        word = secret.strip().lower() if isinstance(secret, str) else ""
        if word not in self._lexicon.legal:
            raise ConfigError(
                f"secret {secret!r} is not in the word list: choose a word that can be guessed"
            )
        return word

    def _move(self, action: str) -> tuple[str, float, bool, dict[str, Any]]:
        earlier = self._board
        status, guess = self._read(self._match.engine.read(action))
        fits = status == "ok" and consistent(guess, earlier)
        self._match.step(action)
        marks = self._board[-1][1] if len(self._board) > len(earlier) else ""
        parts = self._scheme(self._solved, self._match.rewards[0])
        info = self._info(status, guess, marks, fits, parts)
        return self._match.observation(0), float(sum(parts.values())), self._match.done, info

    @property
    def _board(self) -> list[tuple[str, str]]:
        """The accepted guesses and their marks, as TextArena keeps them."""
        history = self._match.engine.env.state.game_state["guess_history"]
        return [(guess, "".join(marks)) for guess, marks in history]

    def _read(self, action: str) -> tuple[str, str]:
        """What TextArena will make of an action: a status and the word it found."""
        found = _GUESS.search(action)
        if found is None:
            return "no_guess", ""
        word = found[1].lower()
        if len(word) != self._word_length:
            return "bad_length", ""
        if any(word == earlier for earlier, _ in self._board):
            return "repeat_refused", word
        if word not in self._lexicon.legal:
            return "unknown_word", word if word.isascii() else ""
        return "ok", word

    @property
    def _solved(self) -> bool:
        return bool(self._board) and self._board[-1][0] == self._secret

    def _end_reason(self) -> str:
        if not self._match.done:
            return ""
        if self._solved:
            return "solved"
        if self._match.error:
            return "error"
        return "invalid" if self._match.engine.is_invalid(0) else "out_of_guesses"

    def _info(
        self, status: str, guess: str, marks: str, fits: bool, parts: Mapping[str, float]
    ) -> dict[str, Any]:
        info: dict[str, Any] = {
            "turn": len(self._board),
            "guess": guess,
            "status": status,
            "feedback": marks,
            "solved": self._solved,
            "reward_parts": dict(parts),
            "end_reason": self._end_reason(),
            "consistent": fits,
            "word_pool": self._pool,
        }
        if self._match.done:
            info["secret"] = self._secret
        return info

    def _picture(self, *, whole: bool, colour: bool) -> str:
        del colour
        return self._match.transcript(0) if whole else self._match.news(0)


def _make_wordle(*arguments: Any) -> Any:
    from wordle_rl.envs.text_arena_wordle_game import ArenaWordle

    return ArenaWordle(*arguments)


def _nltk_words(word_length: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    from wordle_rl.envs.text_arena_wordle_game import nltk_words

    return nltk_words(word_length)
