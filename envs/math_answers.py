r"""Free text -> an exact number. Total and linear: any string gets a status, nothing is evaluated.

What is thought aloud is dropped first (`parsing.visible_text`); of what remains, the last
`MAX_ACTION` characters are read. The answer is, in this order,

1. inside the last `<answer>...</answer>`,
2. inside the last `\boxed{...}`, whose braces may be nested,
3. after the last `####`, to the end of the line,
4. inside the last `[...]`,
5. the text itself, where it is nothing but a number (a full stop after it is allowed).

The first form that occurs is the one that counts, even if what is inside is no number. A number
is `17`, `-3`, `1,200`, `1 200`, `0.75`, `.5`, `3/4` or `\frac{3}{4}`, with a sign of money before
it, a per cent sign or (between marks) a unit of words after it, and anything that ends with `=`
before it. Units are not judged: `$18`, `18 %` and `18 apples` all say 18. A decimal is exactly what
it says, so 0.6667 is not 2/3. Whatever else there is (`1e3`, `2**5`, `nan`, two numbers) is no
number.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Literal, NamedTuple

from wordle_rl.envs.base import MAX_ACTION
from wordle_rl.envs.parsing import visible_text

AnswerStatus = Literal["ok", "no_answer", "bad_number", "bad_fraction", "bad_length"]

MAX_CONTENT = 80
"""Most characters of an answer, so that no number is expensive."""

_SAME = {
    **dict.fromkeys("\u2212\u2010\u2011\u2012\u2013\ufe63\uff0d", "-"),
    **dict.fromkeys("\u00a0\u2009\u202f", " "),
    "\u2044": "/",
}
"""Characters that stand for an ASCII one: minus signs and dashes, spaces, the fraction slash."""
_CHARACTERS = str.maketrans(_SAME)
_LATEX = re.compile(r"\\[,;:! ]|\\(?=[$%])|\\(?:left|right)(?![a-z])|[*`_~]{1,2}(?=$)|^[*`_~]{1,2}")
_FRAC = re.compile(r"\\[dt]?frac\s?\{([^{}]*)\}\s?\{([^{}]*)\}")
_TEXT = re.compile(r"\\(?:text|mathrm|mbox)\s?\{([^{}]*)\}")
_WHOLE = r"(?:[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,3}(?: [0-9]{3})+)"
_MONEY = "[$\u00a3\u20ac]"
_NUMBER = re.compile(
    rf"(?P<sign>[-+]?) ?{_MONEY}? ?(?P<minus>-?)"
    rf"(?:(?P<whole>{_WHOLE})(?: ?/ ?(?P<below>{_WHOLE})|(?P<decimals>\.[0-9]*))?"
    r"|(?P<part>\.[0-9]+))"
    rf"(?: ?%| ?{_MONEY}|\u00b0| (?P<words>[A-Za-z][A-Za-z ./'%-]*))?\.?"
)


class ParsedAnswer(NamedTuple):
    """What was understood. `text` is the number in its usual form where the status is "ok"."""

    status: AnswerStatus
    text: str = ""


def parse_answer(action: str) -> ParsedAnswer:
    r"""The number in an action.

    The status is "no_answer" where no form of an answer occurs, "bad_length" where it is longer
    than `MAX_CONTENT`, "bad_fraction" where it is divided by zero, and "bad_number" where it is
    anything else than one number.

    >>> parse_answer("<think>[3]?</think> So x = 1.50, hence \\boxed{\\frac{3}{2}}.")
    ParsedAnswer(status='ok', text='3/2')
    >>> [parse_answer(text).status for text in ("dunno", "[dunno]", "[1/0]", "-7.")]
    ['no_answer', 'bad_number', 'bad_fraction', 'ok']
    """
    text = visible_text(action)[-MAX_ACTION:]
    content = marked_answer(text)
    if content is not None:
        return read_number(content)
    bare = read_number(text, units=False)
    return bare if bare.status in ("ok", "bad_fraction") else ParsedAnswer("no_answer")


def read_number(content: str, *, units: bool = True) -> ParsedAnswer:
    """The number that a text is, without marks around it; `units` allows words after it.

    >>> read_number("x = $1,200.50"), read_number("9**9**9").status
    (ParsedAnswer(status='ok', text='2401/2'), 'bad_number')
    """
    content = content.strip()
    if len(content) > MAX_CONTENT:
        return ParsedAnswer("bad_length")
    match = _NUMBER.fullmatch(_plain(content))
    if match is None or (match["sign"] and match["minus"]) or (match["words"] and not units):
        return ParsedAnswer("bad_number")
    value = _value(match)
    if value is None:
        return ParsedAnswer("bad_fraction")
    is_negative = "-" in (match["sign"], match["minus"])
    return ParsedAnswer("ok", answer_text(-value if is_negative else value))


def answer_text(value: Fraction) -> str:
    """A value in its usual form: whole, or a fraction in lowest terms.

    >>> answer_text(Fraction(34, 2)), answer_text(Fraction("-0.75"))
    ('17', '-3/4')
    """
    return str(value)


def nearness(said: Fraction, answer: Fraction) -> float:
    """How near a number is to the answer: 1 if equal, else from 0.1 for any number to 0.5.

    0.1 more has the right sign, and 0.3 times 1 - |said - answer| / (|said| + |answer|) a value of
    the right size.

    >>> [nearness(Fraction(n), Fraction(42)) for n in (42, -42, 14)]
    [1.0, 0.1, 0.35]
    """
    if said == answer:
        return 1.0
    if (said > 0) - (said < 0) != (answer > 0) - (answer < 0):
        return 0.1
    return float(Fraction(1, 5) + Fraction(3, 10) * (1 - abs(said - answer) / abs(said + answer)))


def marked_answer(text: str) -> str | None:
    r"""What stands inside the strongest marks that occur, the last of them; None without marks.

    >>> marked_answer("[1] then \\boxed{\\frac{1}{2}} or [2]"), marked_answer("#### 72\nbye")
    ('\\frac{1}{2}', ' 72')
    """
    for find in (_in_tag, _in_box, _after_hashes, _in_brackets):
        content = find(text)
        if content is not None:
            return content
    return None


def _in_tag(text: str) -> str | None:
    return _last_between(text, "<answer>", "</answer>")


def _in_brackets(text: str) -> str | None:
    return _last_between(text, "[", "]")


def _after_hashes(text: str) -> str | None:
    _, hashes, after = text.rpartition("####")
    return after.partition("\n")[0] if hashes else None


def _in_box(text: str) -> str | None:
    r"""The inside of the last `\boxed{...}` that is closed."""
    closed = text.rfind("}")
    start = text.rfind("\\boxed{", 0, max(closed, 0))
    if start < 0:
        return None
    start += len("\\boxed{")
    depth = 1
    for place in range(start, closed + 1):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return text[start:place]
    return None


def _last_between(text: str, opening: str, closing: str) -> str | None:
    """The inside of the last `opening...closing`, the innermost where they are nested."""
    start = text.rfind(opening, 0, max(text.rfind(closing), 0))
    if start < 0:
        return None
    start += len(opening)
    return text[start : text.find(closing, start)]


def _plain(content: str) -> str:
    """An answer without LaTeX, Markdown and look-alikes, and without what ends with `=`."""
    content = _LATEX.sub("", content.translate(_CHARACTERS).strip("$ ").replace("{,}", ","))
    content = _TEXT.sub(r" \1", _FRAC.sub(r"\1/\2", content))
    return " ".join(content.rpartition("=")[2].split())


def _value(match: re.Match[str]) -> Fraction | None:
    """The number without its sign; None where it is divided by zero."""
    if match["part"]:
        return Fraction(match["part"])
    whole = re.sub("[, ]", "", match["whole"])
    if match["below"]:
        below = int(re.sub("[, ]", "", match["below"]))
        return Fraction(int(whole), below) if below else None
    return Fraction(whole + (match["decimals"] or "").rstrip("."))
