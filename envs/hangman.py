"""Hangman as a Gymnasium environment: find a word letter by letter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, get_args

from wordle_rl.envs.arguments import check_choice, check_range
from wordle_rl.envs.base import History, Style
from wordle_rl.envs.guessing import Answer, GuessingGame, Prospects, Reading
from wordle_rl.envs.hangman_text import VOICES, ChatVoice, Rules
from wordle_rl.envs.hangman_words import HIDDEN, fill_in, fits_pattern, index_of, words_of
from wordle_rl.envs.parsing import find_answer, is_word, join_spelled
from wordle_rl.envs.turns import EndReason, InvalidPolicy
from wordle_rl.envs.words import MAX_LENGTH, MIN_LENGTH, Split
from wordle_rl.errors import ConfigError

Status = Literal["start", "ok", "repeat", "no_guess", "bad_chars", "bad_length"]

MAX_LIVES, MAX_REPEATS = 26, 50


class HangmanEnv(GuessingGame[Rules]):
    """Find a secret word letter by letter.

    ## Description
    A word is drawn and shown as blanks; the player guesses a letter or the whole word. A letter of
    the word is filled in wherever it occurs. A letter that the word does not have costs a life, and
    so does a wrong word. Whoever has filled in every letter, or named the word, has won; whoever
    has no life left has lost.

    A guess that was made before costs nothing and shows nothing, but repeat number `max_repeats`
    ends the game as lost: every game ends.

    ## Action Space
    `Text`: anything. The guess is the last `[e]` or `[crane]` outside of `<think>` (or what
    `parsing` says in its place), or a bare letter or word. A word need not be in any list. No
    string raises.

    ## Observation Space
    `Text` in printable ASCII. `style="chat"` is plain English, for example
    `E is in the word: _ _ _ _ E. Lives: 6/6.`; `style="compact"` is a line such as `____e 6` (the
    word and the lives left), or `?chars 5` for a refused action. With `history="last"` an
    observation is the answer to the last action, with `"full"` it is the opening and the answers to
    all actions of the game.

    ## Rewards
    `reward` names a scheme of `rewards.REWARDS`, or a user's own as `package.module:name`. The
    credit of a guess is the share of the word's letters that are filled in after it. The speed that
    `shaped` rewards is that of the lives: all of it for a win with every life left.

    ## Starting State
    A word drawn uniformly from the packaged answers of the split, or any of these answers by
    `reset(options={"secret": word})`. Splits are Wordle's.

    ## Episode End
    Terminated when the word is found, when the lives are used up, by repeat number `max_repeats`,
    or by a refused action where `invalid_policy` says so. Never truncated.

    ## Info
    * `turn`: guesses made, repeats included, and refused ones where they cost a life.
    * `guess`: the letter or word that was understood; else empty.
    * `status`: `start`, `ok`, `repeat` (guessed before in this game); a refused action has
      `no_guess`, `bad_chars` or `bad_length` (neither a letter nor as long as the word).
    * `feedback`: the word after a legal guess, `_` for letters that are not known; else empty.
    * `solved`: whether the word was found.
    * `reward_parts`: what the action earned, by name.
    * `end_reason`: empty while the game runs, then `solved`, `out_of_lives`, `repeats` or
      `invalid`.
    * `consistent`: whether the guess was a new letter, or a new word that fits all that is known.
    * `credit`: the share of letters filled in.
    * `pattern`: the word as far as it is known, from the start on.
    * `lives`: lives left.
    * `candidates_left`: with `track_candidates`: how many answers of this length fit.
    * `belief`: with `track_candidates`: which ones.
    * `expected_bits`, `guaranteed_bits`, `win_chance`: with `track_candidates`: what the guess was
      to tell on average and at least, and how likely it was to end the game.
    * `secret`: after the end.

    ## Arguments
    * `word_length`: letters, 4 to 8; None for words of any of these lengths.
    * `lives`: 1 to 26.
    * `max_repeats`: 1 to 50.
    * `split`: "train", "val", "test" or "all": which of the answers are drawn.
    * `invalid_policy`: a refused action costs a life ("consume"), nothing ("free", until the game
      ends at number `max_invalid`), or ends the game ("terminate").
    * `max_invalid`: 1 to 100; read by "free" alone.
    * `reward`, `style`, `history`: as above.
    * `track_candidates`: count the words still possible, at some ms a turn.
    * `render_mode`: "ansi" returns the game as text, "human" prints what is new.

    ## Version History
    * v0: first version.
    """

    OUT: ClassVar[EndReason] = "out_of_lives"

    def __init__(
        self,
        *,
        word_length: int | None = None,
        lives: int = 6,
        max_repeats: int = 10,
        split: Split = "all",
        invalid_policy: InvalidPolicy = "consume",
        max_invalid: int = 10,
        reward: str = "binary",
        style: Style = "chat",
        history: History = "last",
        track_candidates: bool = False,
        render_mode: str | None = None,
    ) -> None:
        """Check the arguments. Raises ConfigError for what is not allowed."""
        if word_length is not None:
            check_range("word_length", word_length, MIN_LENGTH, MAX_LENGTH)
        check_range("lives", lives, 1, MAX_LIVES)
        check_range("max_repeats", max_repeats, 1, MAX_REPEATS)
        check_choice("split", split, get_args(Split))
        check_choice("style", style, VOICES)
        self._rules = Rules(
            max_guesses=lives,
            max_repeats=max_repeats,
            invalid_policy=invalid_policy,
            max_invalid=max_invalid,
        )
        super().__init__(
            rules=self._rules,
            reward=reward,
            style=style,
            history=history,
            track_candidates=track_candidates,
            render_mode=render_mode,
        )
        self._style: Style = style
        self._word_length = word_length
        self._split: Split = split
        self._clear("")

    @property
    def answers(self) -> tuple[str, ...]:
        """The words of the split: what secrets are drawn from."""
        return words_of(self._word_length, self._split)

    def public(self) -> Mapping[str, Any]:
        """The rules, and every word that can be the secret in some split."""
        return {
            "game": "hangman",
            "answers": words_of(self._word_length, "all"),
            "word_length": self._word_length,
            "lives": self._rules.max_guesses,
            "max_repeats": self._rules.max_repeats,
        }

    def _clear(self, secret: str) -> None:
        super()._clear(secret)
        self._pattern = HIDDEN * len(secret)
        self._missed = ""
        self._repeats = 0
        self._possible: tuple[str, ...] = ()
        if self._counting and secret:
            self._possible = words_of(len(secret), "all")
        self._voice = VOICES[self._style](self._rules, self._history, self._pattern)

    def _draw_secret(self) -> str:
        return self.answers[int(self.np_random.integers(len(self.answers)))]

    def _check_secret(self, secret: Any) -> str:
        word = secret.strip().lower() if isinstance(secret, str) else ""
        lengths = range(MIN_LENGTH, MAX_LENGTH + 1)
        allowed = lengths if self._word_length is None else (self._word_length,)
        if len(word) not in allowed:
            raise ConfigError(
                f"secret {secret!r} is not a word of {' or '.join(map(str, allowed))} letters"
            )
        if word not in words_of(len(word), "all"):
            raise ConfigError(f"secret {secret!r} is not one of the answers: choose one of them")
        return word

    def _read(self, action: str) -> Reading:
        content = find_answer(action, is_word)
        if content is None:
            return Reading("no_guess")
        guess = join_spelled(content).lower()
        if not is_word(guess):
            return Reading("bad_chars")
        if len(guess) not in (1, len(self._secret)):
            return Reading("bad_length")
        return Reading("ok", guess)

    def _answer(self, guess: str) -> Answer:
        is_letter, is_repeat = len(guess) == 1, guess in self._answered
        is_hit = guess == self._secret or (is_letter and guess in self._secret)
        fits = is_letter or fits_pattern(guess, self._pattern, self._missed)
        if is_hit:
            self._pattern = fill_in(self._pattern, self._secret, guess)
        elif is_letter:
            self._missed += guess
        solved = self._pattern == self._secret
        if self._counting:
            self._possible = self._still_possible(guess, solved)
        self._repeats += is_repeat
        return Answer(
            feedback=self._pattern,
            solved=solved,
            credit=(len(self._pattern) - self._pattern.count(HIDDEN)) / len(self._pattern),
            fits=fits and not is_repeat,
            cost=0 if is_hit or is_repeat else 1,
            end="repeats" if self._repeats >= self._rules.max_repeats else "",
        )

    def _for_people(self) -> ChatVoice:
        return ChatVoice(self._rules, self._history, HIDDEN * len(self._secret))

    def _still_possible(self, guess: str, solved: bool) -> tuple[str, ...]:
        """The words that were possible, fit what is shown now, and are not the wrong guess."""
        fitting = index_of(words_of(None, "all")).fitting(self._pattern, self._missed)
        before = set(self._possible) if solved else set(self._possible) - {guess}
        return tuple(word for word in fitting if word in before)

    def _candidates(self) -> int:
        return len(self._possible)

    def _belief(self) -> tuple[str, ...]:
        return self._possible

    def _prospects(self, guess: str) -> Prospects:
        words = self._possible
        if len(guess) > 1:
            named = words.count(guess)
            return Prospects((named, len(words) - named), named)
        shown = [fill_in(self._pattern, word, guess) for word in words]
        wins = sum(word == pattern for word, pattern in zip(words, shown, strict=True))
        return Prospects(list(Counter(shown).values()), wins)

    def _tell_more(self, info: dict[str, Any]) -> None:
        info["credit"] = self._best
        info["pattern"] = self._pattern
        info["lives"] = self._rules.max_guesses - self._spent
