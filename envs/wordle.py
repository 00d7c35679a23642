"""Wordle as a Gymnasium environment: the rules of the game and nothing else.

Text in, text out. `parsing` reads a guess, `feedback` scores it, `hard_mode` objects, `wordle_text`
words the answer, `rewards` pays and `guessing` counts the turns; this file puts them together.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, Literal

import numpy as np

from wordle_rl.envs.arguments import check_choice, check_flag, check_range
from wordle_rl.envs.base import History, Style
from wordle_rl.envs.feedback import consistent, feedback, naive_tenths, tenths
from wordle_rl.envs.guessing import Answer, GuessingGame, Prospects, Reading
from wordle_rl.envs.hard_mode import hard_mode_violation
from wordle_rl.envs.lexicon import WordSource, find_lexicon
from wordle_rl.envs.parsing import ParsedGuess, Readings, parse_guess, readings_by
from wordle_rl.envs.turns import InvalidPolicy, compact_ending
from wordle_rl.envs.wordle_text import (
    VOICES,
    ChatVoice,
    Rules,
    coloured_row,
    compact_opening,
    compact_refusal,
    compact_row,
    plain_row,
)
from wordle_rl.envs.words import Split
from wordle_rl.errors import ConfigError

__all__ = [
    "Status",
    "WordleEnv",
    "compact_ending",
    "compact_opening",
    "compact_refusal",
    "compact_row",
]

Status = Literal[
    "start",
    "ok",
    "repeat",
    "no_guess",
    "bad_chars",
    "bad_length",
    "unknown_word",
    "hard_mode",
]
MAX_WORD_LENGTH = 10
"""Patterns of ten letters fit in 16 bits."""


class WordleEnv(GuessingGame[Rules]):
    """Find a secret word from coloured feedback.

    ## Description
    A secret word is drawn; the player guesses. Every guess is answered with a mark for each letter:
    G (right letter, right place), Y (the letter is elsewhere in the word) or X (the word has no
    further such letter). Greens are marked first, then yellows from the left while unmatched copies
    last, as the newspaper's game does.

    ## Action Space
    `Text`: anything. The guess is read by `parsing.parse_guess`: the last `[crane]` outside of
    `<think>`, or a bare word. Strings outside of the space are played too; no string raises.

    ## Observation Space
    `Text` in printable ASCII. `style="chat"` is plain English, for example
    `Guess 2/6: C R A N E -> X Y G X X`; `style="compact"` is one short line, `XYGXX`, or `?word`
    for a refused action. With `history="last"` an observation is the answer to the last action,
    with `"full"` it is the opening and the answers to all actions of the game.

    ## Rewards
    `reward` names a scheme of `rewards.REWARDS`, or a user's own as `package.module:name`. Its
    named parts are `info["reward_parts"]`; their sum is the reward.

    ## Starting State
    A secret drawn uniformly from `answers`, or any legal word by
    `reset(options={"secret": word})`. With `wide_share` above 0 that share of the secrets is drawn
    from every legal word instead, the answers of other splits excepted: practice for words that
    are never a secret, without touching those that are held out.

    ## Episode End
    Terminated when the word is found, when the guesses are used up, or by a refused action where
    `invalid_policy` says so. Never truncated.

    ## Info
    * `turn`: guesses used.
    * `guess`: the word that was understood, refused or not; else empty.
    * `status`: `start`, `ok`, `repeat` (legal, seen before in this game); a refused action has
      `no_guess`, `bad_chars`, `bad_length`, `unknown_word` or `hard_mode`.
    * `feedback`: G, Y and X; empty where there is none.
    * `solved`: whether the word was found.
    * `reward_parts`: what the action earned, by name.
    * `end_reason`: empty while the game runs, then `solved`, `out_of_guesses` or `invalid`.
    * `consistent`: whether the guess was legal and fitted all feedback before it.
    * `candidates_left`: with `track_candidates`: how many of `answers` fit all feedback.
    * `belief`: with `track_candidates`: a digest of which of them do.
    * `expected_bits`, `guaranteed_bits`, `win_chance`: with `track_candidates`: what the marks were
      to tell on average and at least, and how likely the guess was to be the word.
    * `secret`: after the end.

    ## Arguments
    * `word_length`: letters, 2 to 10. There are packaged lists for 4 to 8.
    * `max_guesses`: 1 to 100.
    * `hard_mode`: revealed letters must be used (`hard_mode.hard_mode_violation`).
    * `split`: "train", "val", "test" or "all": which of the answers are drawn.
    * `wide_share`: 0 to 1: how many secrets are drawn from the legal words, not from `answers`.
    * `answers`, `guesses`: a path or words in place of the packaged lists. An answer is always a
      legal guess.
    * `invalid_policy`: a refused action uses a guess up ("consume"), costs none ("free", until the
      game ends at number `max_invalid`), or ends the game ("terminate").
    * `max_invalid`: 1 to 100; read by "free" alone.
    * `reward`, `style`, `history`: as above.
    * `track_candidates`: count the words still possible, at about a ms a turn.
    * `render_mode`: "ansi" returns the board as text, "human" prints each new row.

    ## Version History
    * v0: first version.
    """

    def __init__(
        self,
        *,
        word_length: int = 5,
        max_guesses: int = 6,
        hard_mode: bool = False,
        split: Split = "all",
        wide_share: float = 0.0,
        answers: WordSource = None,
        guesses: WordSource = None,
        invalid_policy: InvalidPolicy = "consume",
        max_invalid: int = 10,
        reward: str = "binary",
        style: Style = "chat",
        history: History = "last",
        track_candidates: bool = False,
        render_mode: str | None = None,
    ) -> None:
        """Load the lists and resolve the names. Raises ConfigError for what is not allowed."""
        check_range("word_length", word_length, 2, MAX_WORD_LENGTH)
        check_flag("hard_mode", hard_mode)
        check_choice("style", style, VOICES)
        if not 0 <= wide_share <= 1:
            raise ConfigError(f"wide_share {wide_share!r} is not a share from 0 to 1")
        self._lexicon = find_lexicon(word_length, split, answers, guesses)
        self._rules = Rules(
            word_length=word_length,
            max_guesses=max_guesses,
            hard_mode=hard_mode,
            invalid_policy=invalid_policy,
            max_invalid=max_invalid,
            answers=len(self._lexicon.all_answers),
            guesses=len(self._lexicon.guesses),
            example="crane" if "crane" in self._lexicon.legal else self._lexicon.all_answers[0],
        )
        super().__init__(
            rules=self._rules,
            reward=reward,
            style=style,
            history=history,
            track_candidates=track_candidates,
            render_mode=render_mode,
        )
        self._voice = VOICES[style](self._rules, history)
        self._readings: Readings[ParsedGuess] = readings_by(parse_guess, word_length)
        self._wide_share = wide_share
        self._clear("")

    @property
    def answers(self) -> tuple[str, ...]:
        """The words of the split: what secrets are drawn from."""
        return self._lexicon.answers

    @property
    def guesses(self) -> tuple[str, ...]:
        """The words that may be played."""
        return self._lexicon.guesses

    def public(self) -> Mapping[str, Any]:
        """The rules, `guesses`, and the whole answer list, whatever the split."""
        return {
            "game": "wordle",
            "guesses": self._lexicon.guesses,
            "answers": self._lexicon.all_answers,
            "word_length": self._rules.word_length,
            "max_guesses": self._rules.max_guesses,
            "hard_mode": self._rules.hard_mode,
        }

    def _clear(self, secret: str) -> None:
        super()._clear(secret)
        self._board: tuple[tuple[str, str], ...] = ()
        self._possible = np.arange(len(self.answers) if self._counting else 0)
        self._is_extra = self._counting and secret not in self.answers

    def _draw_secret(self) -> str:
        is_wide = self._wide_share > 0 and self.np_random.random() < self._wide_share
        words = self._lexicon.wide if is_wide else self.answers
        return words[int(self.np_random.integers(len(words)))]

    def _check_secret(self, secret: Any) -> str:
        length = self._rules.word_length
        word = secret.strip().lower() if isinstance(secret, str) else ""
        if len(word) != length:
            raise ConfigError(f"secret {secret!r} is not a word of {length} letters")
        if word not in self._lexicon.legal:
            raise ConfigError(
                f"secret {secret!r} is not in the word list: choose a word that can be guessed"
            )
        return word

    def _read(self, action: str) -> Reading:
        status, guess = self._readings[action]
        if status != "ok":
            return Reading(status)
        if guess not in self._lexicon.legal:
            return Reading("unknown_word", guess)
        if self._rules.hard_mode and (complaint := hard_mode_violation(self._board, guess)):
            return Reading("hard_mode", guess, complaint)
        return Reading("ok", guess)

    def _answer(self, guess: str) -> Answer:
        marks, fits = feedback(guess, self._secret), consistent(guess, self._board)
        self._board += ((guess, marks),)
        if self._counting:
            self._possible = self._lexicon.narrow(self._possible, guess, marks)
        return Answer(marks, guess == self._secret, tenths(marks) / 10, fits)

    def _credit_of_win(self) -> float:
        return 2 * self._rules.word_length / 10

    def _naive_credit(self, guess: str, answer: Answer) -> float:
        """Refused words are paid too."""
        return naive_tenths(guess, self._secret) / 10

    def _for_people(self) -> ChatVoice:
        return ChatVoice(self._rules)

    def _candidates(self) -> int:
        """How many words fit all feedback; a secret from outside of the split is one of them."""
        return len(self._possible) + self._is_extra

    def _belief(self) -> str:
        """A digest of the words still possible: the same however they were found."""
        return blake2b(self._possible.tobytes(), digest_size=8).hexdigest()

    def _prospects(self, guess: str) -> Prospects:
        counts = self._lexicon.partition(self._possible, guess)
        return Prospects(counts, int(guess in [self._lexicon.answers[i] for i in self._possible]))

    def _picture(self, *, whole: bool, colour: bool) -> str:
        """The rows for a person; `whole` is the board under its heading, else the newest row."""
        row, chat = coloured_row if colour else plain_row, self._for_people()
        heading = compact_opening(
            self._rules.word_length, self._rules.max_guesses, self._rules.hard_mode
        )
        rows = [row(e.guess, e.feedback) if e.feedback else chat.line(e) for e in self._events]
        shown = [heading, *rows] if whole else [heading, *rows][-1:]
        return "\n".join(shown) + self._ending(chat)
