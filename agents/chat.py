"""Messages <-> token ids, append-only.

A game is a conversation: observations are the user's messages, answers the assistant's. The chat
template is rendered once around markers, which splits it into the fixed pieces between contents;
the contents are encoded on their own with added tokens switched off, so game text that spells
`<|im_end|>` stays text. Turn k+1's prompt is turn k's prompt, the sampled ids untouched, and the
pieces that follow. Where a template rewrites earlier turns (thinking templates drop the thoughts)
that is impossible: `append_only` is false, every turn is rendered afresh and its prompt stands for
itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property, lru_cache
from typing import Any, cast

from jinja2 import TemplateError
from transformers import PreTrainedTokenizerBase

from wordle_rl.errors import ModelError

Ids = tuple[int, ...]
Message = dict[str, str]
THOUGHT, THOUGHT_END = "<think>", "</think>"
FINAL_CHANNEL = "<|channel|>final<|message|>"
"""What gpt-oss writes between its thoughts and its answer (the harmony format)."""
TODAY = {"%Y": "2026", "%m": "01", "%B": "January", "%b": "Jan", "%d": "01", "%A": "Thursday"}
"""Templates that print the date get this one: what a game looks like does not change overnight."""
_THOUGHT_MARK = "THOUGHT-MARK"
_SYSTEM_MARK = "SYSTEM-MARK"
_THOUGHT = f"{THOUGHT}{_THOUGHT_MARK}{THOUGHT_END}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatOptions:
    """How a model is spoken to; kept in the config of a model that was trained so."""

    system: str = ""
    """A message before every game; templates without a system role get it in the first message."""
    variables: Mapping[str, Any] = field(default_factory=dict)
    """Variables of the chat template, for example `{"enable_thinking": False}`."""
    think_tokens: int | None = None
    """A thought that is not over after so many tokens of an answer is ended; None for never."""

    def as_json(self) -> dict[str, Any]:
        """Plain data for a model's `config.json`."""
        return asdict(self)


PLAIN = ChatOptions()


class ChatRenderer:
    """The fixed pieces of one tokenizer's chat template, as ids."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, options: ChatOptions = PLAIN) -> None:
        """Split the template into pieces.

        Raises:
            ModelError: if the tokenizer has no chat template, or one that fails on a game or drops
                what was said in it.
        """
        self.tokenizer = tokenizer
        self.options = options
        if not tokenizer.chat_template:
            raise ModelError(
                f"{tokenizer.name_or_path!r} has no chat template: "
                "use an instruction-tuned model, or set tokenizer.chat_template and save it"
            )
        self._encode_content = lru_cache(maxsize=65_536)(self._encode_plain)
        self._inside_added_token = _inside_any(cast(Any, tokenizer).get_added_vocab())
        self._system_role = bool(options.system) and self._knows_system_role()
        opening, longer = self._render(_dialogue(1)), self._render(_dialogue(2))
        self.opens_thought = opening.rstrip().endswith(THOUGHT)
        self._has_channels = FINAL_CHANNEL in longer
        self._head, self._before_answer = self._split(opening, 0)
        self.append_only = self._keeps_turns(opening, longer)
        self._after_answer: Ids = ()
        self._before_next: Ids = ()
        self._drops_thoughts = False
        if self.append_only:
            rest = longer.removeprefix(opening + _answer(0))
            self._after_answer, self._before_next = self._split(rest, 1)
        else:
            self._drops_thoughts = _THOUGHT_MARK not in self._render(_dialogue(2, _THOUGHT))
            self.prompt(("a", "b", "c"), ("d", "e"))

    def encode(self, content: str) -> Ids:
        """Ids of a message's content; special tokens in it are plain text."""
        return self._encode_content(content)

    def opening(self, observation: str) -> Ids:
        """The prompt of the first turn."""
        return (*self._head, *self.encode(observation), *self._before_answer)

    def between(self, answer_ids: Sequence[int], observation: str) -> Ids:
        """What follows sampled `answer_ids` up to the next answer.

        The model has usually sampled the template's closing token itself, as its stop token; then
        that token (and what the template writes before it) is not added again.
        """
        closing = self._after_answer
        if self.closing_id is not None and answer_ids and answer_ids[-1] == self.closing_id:
            closing = closing[closing.index(self.closing_id) + 1 :]
        return (*closing, *self.encode(observation), *self._before_next)

    def next_prompt(self, context: Ids, observations: Sequence[str], answers: Sequence[str]) -> Ids:
        """The prompt of a later turn: `context` and what follows it, else all rendered afresh.

        Args:
            context: the turn before, its answer included, as it was sampled.
            observations: what was seen so far; the last one is to be answered.
            answers: what was said to those before it.
        """
        if self.append_only:
            return (*context, *self.between(context, observations[-1]))
        return self.prompt(observations, answers)

    def prompt(self, observations: Sequence[str], answers: Sequence[str]) -> Ids:
        """The whole conversation rendered afresh, for templates that are not append-only."""
        text = self._render(_dialogue(len(observations)))
        ids: list[int] = []
        for i, observation in enumerate(observations):
            before, text = self._cut(text, _observation(i))
            ids += [*self._encode_piece(before), *self.encode(observation)]
            if i < len(answers):
                before, text = self._cut(text, _answer(i))
                ids += [*self._encode_piece(before), *self._encode_text(self._kept(answers[i]))]
        return (*ids, *self._encode_piece(text))

    @cached_property
    def closing_id(self) -> int | None:
        """The special token the template closes an answer with, where answers are kept."""
        added = self.tokenizer.added_tokens_decoder
        return next((i for i in self._after_answer if i in added and added[i].special), None)

    def answer_ids(self, action: str) -> Ids:
        """An answer without a thought as the model would write it, up to its stop token."""
        before = FINAL_CHANNEL if self._has_channels else ""
        if self.opens_thought:
            before = f"\n{THOUGHT_END}\n\n"
        return (*self._encode_piece(before), *self.encode(action))

    def action(self, text: str) -> str:
        """What the game is told of a sampled text.

        Games leave out what is inside `<think>` themselves; where the prompt has opened the thought
        the tag is put back. Of the channels of gpt-oss only the final one is an answer.
        """
        if self._has_channels:
            _, found, answer = text.rpartition(FINAL_CHANNEL)
            return answer if found or "<|channel|>" not in text else ""
        return THOUGHT + text if self.opens_thought else text

    def _kept(self, answer: str) -> str:
        """What the template would keep of an earlier answer."""
        if self._has_channels:
            return self.action(answer)
        return answer.rpartition(THOUGHT_END)[2].lstrip("\n") if self._drops_thoughts else answer

    def _split(self, text: str, observation: int) -> tuple[Ids, Ids]:
        before, after = self._cut(text, _observation(observation))
        return self._encode_piece(before), self._encode_piece(after)

    def _cut(self, text: str, marker: str) -> tuple[str, str]:
        before, found, after = text.partition(marker)
        if not found:
            raise ModelError(
                f"the chat template of {self.tokenizer.name_or_path!r} drops a message's content"
            )
        return before, after

    def _keeps_turns(self, opening: str, longer: str) -> bool:
        """Whether later prompts begin with earlier ones and every turn is written the same way."""
        if not longer.startswith(opening + _answer(0)):
            return False
        turn = longer.removeprefix(opening + _answer(0))
        next_turn = turn.replace(_observation(1), _observation(2))
        if self._render(_dialogue(3)) != longer + _answer(1) + next_turn:
            return False
        thinking = self._render(_dialogue(2, _THOUGHT))
        return thinking == opening + _THOUGHT + _answer(0) + turn

    def _knows_system_role(self) -> bool:
        """Whether the template writes a system message, rather than refusing or dropping it."""
        self._system_role = True
        try:
            return _SYSTEM_MARK in self._render(_dialogue(1))
        except ModelError:
            return False

    def _with_system(self, messages: list[Message]) -> list[Message]:
        """The conversation after the system message, where one is asked for."""
        if not self.options.system:
            return messages
        if self._system_role:
            return [{"role": "system", "content": _SYSTEM_MARK}, *messages]
        first = {"role": "user", "content": f"{_SYSTEM_MARK}\n\n{messages[0]['content']}"}
        return [first, *messages[1:]]

    def _render(self, messages: list[Message]) -> str:
        try:
            text = self.tokenizer.apply_chat_template(
                self._with_system(messages),
                chat_template=_with_fixed_date(self.tokenizer.get_chat_template()),
                tokenize=False,
                add_generation_prompt=True,
                **self.options.variables,
            )
        except (TemplateError, TypeError, ValueError, LookupError) as error:
            name, reason = self.tokenizer.name_or_path, " ".join(str(error).split())
            raise ModelError(f"the chat template of {name!r} refuses a game: {reason}") from error
        assert isinstance(text, str)
        return text

    def _encode_piece(self, text: str) -> Ids:
        """Ids of what the template wrote itself, the system message in it being plain text."""
        before, found, after = text.partition(_SYSTEM_MARK)
        if found:
            said = self.encode(self.options.system)
            return (*self._encode_piece(before), *said, *self._encode_piece(after))
        return tuple(self.tokenizer.encode(text, add_special_tokens=False)) if text else ()

    def _encode_plain(self, text: str) -> Ids:
        pieces = self._inside_added_token.split(text)
        return tuple(i for piece in pieces if piece for i in self._encode_text(piece))

    def _encode_text(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer.encode(
            text, add_special_tokens=False, split_special_tokens=True
        )
        return ids


def _inside_any(added_tokens: Iterable[str]) -> re.Pattern[str]:
    """Matches (without width) after the first character of every token that text spells.

    Text that is cut there spells none of them: `split_special_tokens` alone lets those pass that a
    tokenizer adds but does not call special, as DeepSeek's `<\uff5cUser\uff5c>`. Spaces are text.
    """
    places = (
        f"(?<={re.escape(token[0])})(?={re.escape(token[1:])})"
        for token in added_tokens
        if len(token) > 1 and not token.isspace()
    )
    return re.compile("|".join(places) or "(?!)")


def _with_fixed_date(template: str) -> str:
    """The template with `strftime_now` as a macro; a function cannot be handed to a template."""
    if "strftime_now" not in template:
        return template
    codes = "".join(f" | replace('{code}', '{text}')" for code, text in TODAY.items())
    return f"{{% macro strftime_now(form) %}}{{{{ form{codes} }}}}{{% endmacro %}}{template}"


def _observation(i: int) -> str:
    return f"OBSERVATION-{i}-MARK"


def _answer(i: int) -> str:
    return f"ANSWER-{i}-MARK"


def _dialogue(turns: int, thought: str = "") -> list[Message]:
    """`turns` observations with the answers between them, ending with an observation."""
    messages = [{"role": "user", "content": _observation(0)}]
    for i in range(1, turns):
        messages.append({"role": "assistant", "content": thought + _answer(i - 1)})
        messages.append({"role": "user", "content": _observation(i)})
    return messages
