"""What TextArena's games say, as observations: printable ASCII, in our styles and histories.

A game's words arrive as `Said` records. `narrate` makes one text of them; `to_ascii` writes symbols
out; `clip` keeps an observation within its limit.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from wordle_rl.envs.base import CHARSET, MAX_OBSERVATION, Style

GAME = -1
"""The sender of what the game itself says."""
CUT = "[... what came before is cut off]\n"
"""The first line of an observation that was too long."""

SUITS = {"\u2660": "s", "\u2665": "h", "\u2666": "d", "\u2663": "c"}
_SYMBOLS = {
    **SUITS,
    "\u221a": "*",  # Sokoban: a box on a target
    "\u25cf": "o",  # PegJump: a peg
    "\u25cb": ".",  # PegJump: a hole
    "\u2500": "-",
    "\u2502": "|",
    "\u00b7": ".",
    "\u2022": "*",
    "\u2192": "->",
    "\u279c": "->",
    "\u2010": "-",
    "\u2011": "-",
    "\u2013": "-",
    "\u2014": "-",
    "\u2018": "'",
    "\u2019": "'",
    "\u201c": '"',
    "\u201d": '"',
    "\u00b1": "+/-",
    "\u00d7": "x",
    "\u2264": "<=",
    "\u2265": ">=",
    "\u2212": "-",
    "\t": "    ",
    "\r": "",
}
_PRINTABLE = frozenset(CHARSET)


class Said(NamedTuple):
    """One thing that a player heard."""

    sender: int
    """The player who said it, or `GAME`."""
    name: str
    """What the game calls the sender."""
    kind: str
    """TextArena's type in lower case: prompt, player_action, game_board, game_message, ..."""
    text: str
    """Printable ASCII."""


def to_ascii(text: str) -> str:
    r"""Text in the characters of an observation: symbols written out, the rest as `?`.

    >>> to_ascii("10\u2660 caf\u00e9 \u2192 \U0001f389.")
    '10s cafe -> .'
    """
    if text.isascii() and _PRINTABLE.issuperset(text):
        return text
    return "".join(map(_spelled, text))


def _spelled(character: str) -> str:
    if character in _PRINTABLE:
        return character
    if character in _SYMBOLS:
        return _SYMBOLS[character]
    if unicodedata.category(character) == "So":  # decoration, such as a party popper
        return ""
    plain = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return "".join(c for c in plain if c in _PRINTABLE) or "?"


def clip(text: str) -> str:
    """The newest part of a text that is too long for an observation, under a mark."""
    if len(text) <= MAX_OBSERVATION:
        return text
    return CUT + text[len(CUT) - MAX_OBSERVATION :]


def narrate(heard: Sequence[Said], *, me: int, style: Style, with_mine: bool) -> str:
    """What a player heard as one text; boards that a newer one replaces are left out.

    Args:
        heard: in the order in which it was said.
        me: the player.
        style: "compact" leaves the rules and blank lines out.
        with_mine: whether the player's own actions are in it.
    """
    kept = [s for s in _newest_boards(heard) if with_mine or s.sender != me]
    if style == "compact":
        kept = [s for s in kept if s.kind != "prompt"]
    text = "\n".join(
        s.text.strip("\n") if s.sender == GAME else f"[{s.name}] {s.text}" for s in kept
    )
    if style == "compact":
        return "\n".join(line.rstrip() for line in text.split("\n") if line.strip())
    return text


def _newest_boards(heard: Sequence[Said]) -> list[Said]:
    """Everything but the boards before the last unbroken row of them."""
    boards = [i for i, said in enumerate(heard) if said.kind == "game_board"]
    first = boards[-1] if boards else 0
    while first - 1 in boards:
        first -= 1
    return [s for i, s in enumerate(heard) if s.kind != "game_board" or i >= first]
