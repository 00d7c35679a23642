"""A game of one's own: find a secret letter; each guess is told to be warmer or colder.

Train on it from this folder:

    wordle-rl train --env hot_cold:HotCold --steps 20
"""

from collections.abc import Mapping
from typing import Any

from wordle_rl.envs.base import Style, TextEnv
from wordle_rl.errors import ConfigError

LETTERS = "abcdefghijklmnopqrstuvwxyz"


class HotCold(TextEnv):
    """Find a letter by distance in the alphabet."""

    def __init__(
        self, *, max_guesses: int = 8, style: Style = "chat", render_mode: str | None = None
    ):
        super().__init__(render_mode=render_mode)
        self._max_guesses, self._style = max_guesses, style

    def public(self) -> Mapping[str, Any]:
        return {"game": "hot-cold", "max_guesses": self._max_guesses}

    def _start(self, options: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        self._secret = options.get("secret", LETTERS[self.np_random.integers(26)])
        if options.keys() - {"secret"} or self._secret not in list(LETTERS):
            raise ConfigError(f"options {options!r}: give a letter as the secret, or nothing")
        self._turn, self._distance = 0, 26
        if self._style == "compact":
            return f"letter x{self._max_guesses}", self._info("start", "")
        rules = f"Find my letter in {self._max_guesses} guesses. Say one letter."
        return rules, self._info("start", "")

    def _move(self, action: str) -> tuple[str, float, bool, dict[str, Any]]:
        guess = action.strip().strip("[]").lower()
        self._turn += 1
        if len(guess) != 1 or guess not in LETTERS:
            answer, status, guess = "?", "no_guess", ""
        else:
            distance = abs(LETTERS.index(guess) - LETTERS.index(self._secret))
            answer, status = "warmer" if distance < self._distance else "colder", "ok"
            answer, self._distance = "found" if distance == 0 else answer, distance
        info = self._info(status, guess)
        return answer, float(info["solved"]), info["end_reason"] != "", info

    def _info(self, status: str, guess: str) -> dict[str, Any]:
        solved = status == "ok" and guess == self._secret
        lost = self._turn >= self._max_guesses and not solved
        reason = "solved" if solved else "out_of_guesses" if lost else ""
        info = {"turn": self._turn, "status": status, "guess": guess, "solved": solved}
        info |= {"reward_parts": {"win": float(solved)}, "end_reason": reason}
        return info | ({"secret": self._secret} if reason else {})
