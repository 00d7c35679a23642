r"""Free text -> a guess. Total and linear: any string gets a status, in one pass, without regex.

What is thought aloud is not an answer, so `<think>...</think>` is dropped first; an opening tag
that is never closed drops the rest, a closing tag that was never opened drops what came before it.
Of what remains, the last `MAX_ACTION` characters are read. The guess is, in this order,

1. inside the last `<guess>...</guess>`,
2. inside the last `\boxed{...}`,
3. inside the last `[...]`,
4. the text itself, where it is a single word of letters a to z (a full stop after it is allowed;
   in a game of numbers, a single number).

The first form that occurs is the one that counts, even if what is inside cannot be played.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import lru_cache
from typing import Any, Literal, NamedTuple, TypeVar

from wordle_rl.envs.base import MAX_ACTION

ParseStatus = Literal["ok", "no_guess", "bad_chars", "bad_length"]

MARKS = (("<guess>", "</guess>"), ("\\boxed{", "}"), ("[", "]"))
"""What a guess may be written between, the strongest first."""
SHORT, REMEMBERED = 64, 16_384
"""Most characters of an action that is remembered, and how many are."""

Understood = TypeVar("Understood")


class ParsedGuess(NamedTuple):
    """What was understood. `guess` is lower-case a to z where the status is "ok", else empty."""

    status: ParseStatus
    guess: str


class Readings(dict[str, Understood]):
    """What a pure function makes of texts, by text: `readings[action]`.

    Games hear the same short texts over and over; one that was read before costs a look-up and no
    call. Made by `readings_by`, so games with the same rules share one.
    """

    def __init__(self, read: Callable[..., Understood], *rules: Hashable) -> None:
        super().__init__()
        self._read, self._rules = read, rules

    def __missing__(self, text: str) -> Understood:
        understood = self._read(text, *self._rules)
        if len(text) <= SHORT:
            if len(self) >= REMEMBERED:
                self.clear()
            self[text] = understood
        return understood

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy, also in another process, is the one that is there already."""
        return readings_by, (self._read, *self._rules)


@lru_cache(maxsize=64)
def readings_by(read: Callable[..., Understood], *rules: Hashable) -> Readings[Understood]:
    """The readings of a function of a text and some rules, which must be pure and can be pickled.

    >>> def length(text: str, unit: int) -> float:
    ...     print("counting")
    ...     return len(text) / unit
    >>> lengths = readings_by(length, 5)
    >>> lengths["crane"], lengths["crane"]
    counting
    (1.0, 1.0)
    """
    return Readings(read, *rules)


def parse_guess(text: str, length: int) -> ParsedGuess:
    """The guess in an action, for words of `length` letters.

    The status is "no_guess" where no form of a guess occurs, "bad_chars" where it holds something
    else than letters a to z, and "bad_length" where it has more or fewer than `length` of them.

    >>> parse_guess("<think>[slate]?</think> I say [Crane].", 5)
    ParsedGuess(status='ok', guess='crane')
    >>> parse_guess("[cr4ne]", 5).status, parse_guess("[cranes]", 5).status
    ('bad_chars', 'bad_length')
    """
    content = find_answer(text, is_word)
    if content is None:
        return ParsedGuess("no_guess", "")
    word = join_spelled(content)
    if not is_word(word):
        return ParsedGuess("bad_chars", "")
    if len(word) != length:
        return ParsedGuess("bad_length", "")
    return ParsedGuess("ok", word.lower())


def find_answer(text: str, is_bare: Callable[[str], bool]) -> str | None:
    """What a text answers, stripped; None where no form of an answer occurs.

    Args:
        text: any string.
        is_bare: whether a text without marks is an answer as it stands (its full stop is dropped).

    >>> find_answer("<think>[5]?</think> I say [ 7 ].", str.isdigit)
    '7'
    >>> find_answer(" 7. ", str.isdigit), find_answer("I say 7", str.isdigit)
    ('7', None)
    """
    spoken = visible_text(text)[-MAX_ACTION:]
    for opening, closing in MARKS:
        content = _last_between(spoken, opening, closing)
        if content is not None:
            return content.strip()
    bare = spoken.strip().rstrip(".")
    return bare if is_bare(bare) else None


def is_word(text: str) -> bool:
    """Whether a text is one word of the letters a to z."""
    return text.isascii() and text.isalpha()


def visible_text(text: str) -> str:
    r"""What is left of a text without its thinking.

    >>> visible_text("a<think>b</think>c"), visible_text("a</think>b"), visible_text("a<think>b")
    ('a\nc', '\nb', 'a')
    """
    *closed, rest = text.split("</think>")
    if not closed and "<think>" not in rest:
        return text
    spoken = [before if opened else "" for before, opened, _ in map(_at_opening, closed)]
    return "\n".join([*spoken, _at_opening(rest)[0]])


def _at_opening(piece: str) -> tuple[str, str, str]:
    return piece.partition("<think>")


def _last_between(text: str, opening: str, closing: str) -> str | None:
    """The inside of the last `opening...closing`, the innermost where they are nested."""
    start = text.rfind(opening, 0, max(text.rfind(closing), 0))
    if start < 0:
        return None
    start += len(opening)
    return text[start : text.find(closing, start)]


def join_spelled(content: str) -> str:
    """A word that may be spelled out: single characters with spaces between them are one word.

    >>> join_spelled("c r a n e"), join_spelled("cr ane")
    ('crane', 'cr ane')
    """
    if " " not in content:
        return content
    return content.replace(" ", "") if all(len(p) <= 1 for p in content.split(" ")) else content
