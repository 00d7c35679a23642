"""A person as an agent: reads a line a move, so a person plays through the same interface as any.

In: a stream of lines (a terminal, a pipe, a test). Out: moves. End of the stream or the word `quit`
gives no move, which every loop over agents takes as "this player has left".
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TextIO

from wordle_rl.agents.base import Move, Opening, View
from wordle_rl.envs.base import Style
from wordle_rl.envs.feedback import consistent
from wordle_rl.seeding import generator

Prompt = Callable[[View], str]
"""What to write before a line is read."""
Command = Callable[[], str]
"""What to answer to a line that is no move, for example a hint."""

QUIT = ("quit", "exit")


def show_observation(view: View) -> str:
    """The default prompt: the whole observation, then a mark to type after."""
    return f"{view.observation}\n> "


class Lines(Protocol):
    """Where lines come from: standard input, or anything that reads as one."""

    def readline(self) -> str:
        """The next line with its end; empty where there is none."""
        ...

    def isatty(self) -> bool:
        """Whether whoever types sees it."""
        ...


class HumanAgent:
    """A person who types moves.

    Args:
        stdin: where lines come from; standard input by default. None reads as an empty stream.
        stdout: where prompts go; standard output by default.
        prompt: what to write before each line is read.
        commands: lines that are answered and asked again instead of being played.
        style: the observation style the person reads.
        name: the name shown in reports.
    """

    def __init__(
        self,
        stdin: Lines | None = None,
        stdout: TextIO | None = None,
        *,
        prompt: Prompt = show_observation,
        commands: Mapping[str, Command] | None = None,
        style: Style = "chat",
        name: str = "you",
    ) -> None:
        self.name = name
        self.style: Style = style
        self._stdin = stdin if stdin is not None else sys.stdin
        self._stdout = stdout if stdout is not None else sys.stdout
        self._prompt = prompt
        self._commands = dict(commands or {})

    def begin(self, openings: Sequence[Opening], *, temperature: float) -> HumanPlayer:
        """Start `len(openings)` games; a person has no temperature."""
        return HumanPlayer(self._stdin, self._stdout, self._prompt, self._commands)


class HumanPlayer:
    """The running games of one person, asked one after the other."""

    def __init__(
        self,
        stdin: Lines | None,
        stdout: TextIO | None,
        prompt: Prompt,
        commands: Mapping[str, Command],
    ) -> None:
        self._stdin = stdin
        self._stdout = stdout
        self._prompt = prompt
        self._commands = commands
        self._echo = stdin is None or not stdin.isatty()
        self._left = False

    def act(self, views: Mapping[int, View]) -> Mapping[int, Move]:
        """Read one line a game; games that the person leaves are missing from the answer."""
        moves: dict[int, Move] = {}
        for game, view in views.items():
            line = self._ask(self._prompt(view))
            if line is None:
                break
            moves[game] = Move(action=line)
        return moves

    def _ask(self, prompt: str) -> str | None:
        """The next line that is a move, or None once the person has left."""
        while not self._left:
            self._write(prompt)
            line = self._read()
            if line is None or line.lower() in QUIT:
                self._left = True
            elif answer := self._commands.get(line.lower()):
                self._write(f"{answer()}\n")
            elif line:
                return line
        return None

    def _read(self) -> str | None:
        """One line without surrounding space; None at the end of the stream.

        A stream that is not a terminal does not show what was typed, so the line is written out.
        """
        line = self._stdin.readline() if self._stdin is not None else ""
        if self._echo or not line:
            self._write(line if line.endswith("\n") else f"{line}\n")
        return line.strip() if line else None

    def _write(self, text: str) -> None:
        if self._stdout is not None:
            self._stdout.write(text)
            self._stdout.flush()


class Hints:
    """How many words are left; asked again on the same turn, one of them."""

    def __init__(
        self, public: Mapping[str, Any], rows: Sequence[tuple[str, str]], seed: int
    ) -> None:
        self._public, self._rows, self._seed = public, rows, seed
        self._answered: int | None = None
        self.given = 0
        """How often a hint was asked for."""

    def __call__(self) -> str:
        """The next hint, as one line."""
        self.given += 1
        kind, words = self.fitting()
        turn = len(self._rows)
        if self._answered == turn and words:
            return f"Try {generator(self._seed, 'hint', turn).choice(words)}."
        self._answered = turn
        fit = "fits" if len(words) == 1 else "fit"
        return f"{len(words)} {kind} {fit}. Type ? again for one of them."

    def fitting(self) -> tuple[str, list[str]]:
        """The possible secrets that fit every row, or the legal guesses where no secret does."""
        for kind, key in (
            ("of the possible words", "answers"),
            ("of the legal guesses", "guesses"),
        ):
            words = [word for word in self._public[key] if consistent(word, self._rows)]
            if words:
                return kind, words
        return "words", []
