"""Mastermind as a Gymnasium environment: find a code from black and white pegs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from hashlib import blake2b
from math import perm
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from wordle_rl.envs.arguments import check_choice, check_flag, check_range
from wordle_rl.envs.base import History, Style
from wordle_rl.envs.guessing import Answer, GuessingGame, Prospects, Reading
from wordle_rl.envs.mastermind_text import VOICES, ChatVoice, Rules
from wordle_rl.envs.parsing import Readings, find_answer, is_word, join_spelled, readings_by
from wordle_rl.envs.pegs import (
    ALPHABET,
    all_codes,
    codes_of_split,
    fits_pegs,
    peg_code,
    peg_matrix,
    pegs,
)
from wordle_rl.envs.turns import InvalidPolicy
from wordle_rl.envs.words import Split
from wordle_rl.errors import ConfigError

Status = Literal[
    "start",
    "ok",
    "repeat",
    "no_guess",
    "bad_chars",
    "bad_length",
    "unknown_colour",
    "same_colour",
]
MAX_LENGTH, MAX_COLOURS, MAX_CODES = 8, 10, 10_000
"""Every code can be listed, and the answers of all against all fit in 100 MB."""


class MastermindEnv(GuessingGame[Rules]):
    """Find a secret code from black and white pegs.

    ## Description
    A code of `length` colours is drawn; the player guesses. Every guess is answered with a black
    peg for each place that has the right colour and a white one for each further colour that the
    code has in another place, every copy of a colour counted once. Which peg belongs to which place
    is not told.

    ## Action Space
    `Text`: anything. Colours are the letters from A on; the guess is the last `[ABCD]` outside of
    `<think>` (or what `parsing` says in its place), or a bare word; `[A B C D]` is the same guess.
    No string raises.

    ## Observation Space
    `Text` in printable ASCII. `style="chat"` is plain English, for example
    `Guess 2/10: A A B C -> 1 black, 2 white`; `style="compact"` is a line such as `BWW-` (blacks,
    then whites, then none), or `?length` for a refused action. With `history="last"` an observation
    is the answer to the last action, with `"full"` it is the opening and the answers to all actions
    of the game.

    ## Rewards
    `reward` names a scheme of `rewards.REWARDS`, or a user's own as `package.module:name`. The
    credit of a guess is 1 a black and 0.5 a white peg, divided by `length`.

    ## Starting State
    A code drawn uniformly from those of the split, or any code by
    `reset(options={"secret": code})`. The split of a code is `split_of("mastermind:abca")`.

    ## Episode End
    Terminated when the code is found, when the guesses are used up, or by a refused action where
    `invalid_policy` says so. Never truncated.

    ## Info
    * `turn`: guesses used.
    * `guess`: the code that was understood, refused or not, in small letters; else empty.
    * `status`: `start`, `ok`, `repeat` (legal, seen before in this game); a refused action has
      `no_guess`, `bad_chars`, `bad_length`, `unknown_colour` or `same_colour` (twice a colour in
      a game without duplicates).
    * `feedback`: B, W and - as in the compact style; empty where there is none.
    * `solved`: whether the code was found.
    * `reward_parts`: what the action earned, by name.
    * `end_reason`: empty while the game runs, then `solved`, `out_of_guesses` or `invalid`.
    * `consistent`: whether the guess was legal and fitted all pegs before it.
    * `credit`: that of the best guess so far.
    * `candidates_left`: with `track_candidates`: how many codes fit all pegs.
    * `belief`: with `track_candidates`: a digest of which ones.
    * `expected_bits`, `guaranteed_bits`, `win_chance`: with `track_candidates`: what the pegs were
      to tell on average and at least, and how likely the guess was to be the code.
    * `secret`: after the end.

    ## Arguments
    * `length`: colours in a code, 1 to 8.
    * `colours`: colours there are, 1 to 10; at most 10,000 codes in all.
    * `duplicates`: whether a colour may occur more than once, in the secret and in a guess.
    * `max_guesses`: 1 to 100.
    * `split`: "train", "val", "test" or "all": which of the codes are drawn.
    * `invalid_policy`: a refused action uses a guess up ("consume"), costs none ("free", until the
      game ends at number `max_invalid`), or ends the game ("terminate").
    * `max_invalid`: 1 to 100; read by "free" alone.
    * `reward`, `style`, `history`: as above.
    * `track_candidates`: count the codes still possible.
    * `render_mode`: "ansi" returns the game as text, "human" prints what is new.

    ## Version History
    * v0: first version.
    """

    def __init__(
        self,
        *,
        length: int = 4,
        colours: int = 6,
        duplicates: bool = True,
        max_guesses: int = 10,
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
        check_flag("duplicates", duplicates)
        _check_size(length, colours, duplicates)
        self._rules = Rules(
            length=length,
            colours=colours,
            duplicates=duplicates,
            max_guesses=max_guesses,
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
        self._voice = VOICES[style](self._rules, history)
        self._readings: Readings[Reading] = readings_by(read_action, length, colours, duplicates)
        self._split: Split = split
        check_choice("split", split, get_args(Split))
        if not self.answers:
            raise ConfigError(
                f"no codes in split {split!r} of {len(self.guesses)} codes: "
                "use split='all' or more colours"
            )
        self._clear("")

    @property
    def answers(self) -> tuple[str, ...]:
        """The codes of the split: what secrets are drawn from."""
        rules = self._rules
        return codes_of_split(rules.length, rules.colours, rules.duplicates, self._split)

    @property
    def guesses(self) -> tuple[str, ...]:
        """The codes that may be played."""
        return all_codes(self._rules.length, self._rules.colours, self._rules.duplicates)

    def public(self) -> Mapping[str, Any]:
        """The rules: `length`, `colours`, `duplicates` and `max_guesses`."""
        return {
            "game": "mastermind",
            "length": self._rules.length,
            "colours": self._rules.colours,
            "duplicates": self._rules.duplicates,
            "max_guesses": self._rules.max_guesses,
        }

    def _clear(self, secret: str) -> None:
        super()._clear(secret)
        self._board: tuple[tuple[str, str], ...] = ()
        self._possible: NDArray[np.intp] = np.arange(len(self.guesses) if self._counting else 0)

    def _draw_secret(self) -> str:
        return self.answers[int(self.np_random.integers(len(self.answers)))]

    def _check_secret(self, secret: Any) -> str:
        code = secret.strip().lower() if isinstance(secret, str) else ""
        rules = self._rules
        reading = read_code(code, rules.length, rules.colours, rules.duplicates)
        if reading != Reading("ok", code):
            raise ConfigError(
                f"secret {secret!r} is not a code of this game: give one such as "
                f"{self._rules.example!r}"
            )
        return code

    def _read(self, action: str) -> Reading:
        return self._readings[action]

    def _answer(self, guess: str) -> Answer:
        answer, fits = pegs(guess, self._secret), fits_pegs(guess, self._board)
        self._board += ((guess, answer),)
        if self._counting:
            codes = [self.guesses[i] for i in self._possible]
            answers = peg_matrix([guess], codes)[0]
            self._possible = self._possible[answers == peg_code(answer)]
        return _answered(answer, fits)

    def _for_people(self) -> ChatVoice:
        return ChatVoice(self._rules)

    def _candidates(self) -> int:
        return len(self._possible)

    def _belief(self) -> str:
        """A digest of the codes still possible."""
        return blake2b(self._possible.tobytes(), digest_size=8).hexdigest()

    def _prospects(self, guess: str) -> Prospects:
        codes = [self.guesses[i] for i in self._possible]
        counts: list[int] = np.unique(peg_matrix([guess], codes)[0], return_counts=True)[1].tolist()
        return Prospects(counts, int(guess in codes))

    def _tell_more(self, info: dict[str, Any]) -> None:
        info["credit"] = self._best


def read_action(action: str, length: int, colours: int, duplicates: bool) -> Reading:
    """What an action means in a game of such codes, whether or not it was played before."""
    content = find_answer(action, is_word)
    if content is None:
        return Reading("no_guess")
    return read_code(content, length, colours, duplicates)


def read_code(content: str, length: int, colours: int, duplicates: bool) -> Reading:
    """What an answer means in a game of such codes.

    >>> read_code("A B C A", 4, 6, True), read_code("abca", 4, 6, False).status
    (Reading(status='ok', guess='abca', complaint=''), 'same_colour')
    """
    code = join_spelled(content).lower()
    if not is_word(code):
        return Reading("bad_chars")
    if len(code) != length:
        return Reading("bad_length")
    if not set(code) <= set(ALPHABET[:colours]):
        return Reading("unknown_colour", code)
    if not duplicates and len(set(code)) < length:
        return Reading("same_colour", code)
    return Reading("ok", code)


@cache
def _answered(answer: str, fits: bool) -> Answer:
    """Pegs as an answer: half a point a white, a whole one a black, of as many as there are."""
    halves, most = 2 * answer.count("B") + answer.count("W"), 2 * len(answer)
    return Answer(answer, halves == most, halves / most, fits)


def _check_size(length: int, colours: int, duplicates: bool) -> None:
    check_range("length", length, 1, MAX_LENGTH)
    check_range("colours", colours, 1, MAX_COLOURS)
    if not duplicates and length > colours:
        raise ConfigError(
            f"length {length} needs {length} colours where none occurs twice, got {colours}"
        )
    codes = colours**length if duplicates else perm(colours, length)
    if codes > MAX_CODES:
        raise ConfigError(
            f"{colours} colours make {codes} codes of length {length}, at most {MAX_CODES} are "
            "allowed: use fewer"
        )
