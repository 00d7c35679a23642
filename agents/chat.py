"""Messages <-> token ids, append-only.

A game is a conversation: observations are the user's messages, answers the assistant's. The chat
template is rendered once around markers, which splits it into the fixed pieces between contents;
the contents are encoded on their own with special tokens switched off, so game text that spells
`<|im_end|>` stays text. Turn k+1's prompt is turn k's prompt, the sampled ids untouched, and the
pieces that follow. Where a template rewrites earlier turns that is impossible: `append_only` is
false, every turn is rendered afresh and its prompt stands for itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from jinja2 import TemplateError
from transformers import PreTrainedTokenizerBase

from wordle_rl.errors import ModelError

Ids = tuple[int, ...]
Message = dict[str, str]


class ChatRenderer:
    """The fixed pieces of one tokenizer's chat template, as ids."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        """Split the template into pieces.

        Raises:
            ModelError: if the tokenizer has no chat template, or one that drops contents.
        """
        self.tokenizer = tokenizer
        if not tokenizer.chat_template:
            raise ModelError(
                f"{tokenizer.name_or_path!r} has no chat template: "
                "use an instruction-tuned model, or set tokenizer.chat_template and save it"
            )
        self._encode_content = lru_cache(maxsize=65_536)(self._encode_plain)
        opening = self._render(_dialogue(1))
        longer = self._render(_dialogue(2))
        self._head, self._before_answer = self._split(opening, 0)
        self.append_only = self._keeps_turns(opening, longer)
        self._after_answer: Ids = ()
        self._before_next: Ids = ()
        if self.append_only:
            rest = longer[len(opening) + len(_answer(0)) :]
            self._after_answer, self._before_next = self._split(rest, 1)

    def encode(self, content: str) -> Ids:
        """Ids of a message's content; special tokens in it are plain text."""
        return self._encode_content(content)

    def opening(self, observation: str) -> Ids:
        """The prompt of the first turn."""
        return (*self._head, *self.encode(observation), *self._before_answer)

    def between(self, answer_ids: Sequence[int], observation: str) -> Ids:
        """What follows sampled `answer_ids` up to the next answer.

        The template closes an answer with tokens whose first the model has usually sampled itself
        (its stop token); then it is not added twice.
        """
        closing = self._after_answer
        if closing and answer_ids and answer_ids[-1] == closing[0]:
            closing = closing[1:]
        return (*closing, *self.encode(observation), *self._before_next)

    def prompt(self, observations: Sequence[str], answers: Sequence[str]) -> Ids:
        """The whole conversation rendered afresh, for templates that are not append-only."""
        n = len(observations)
        text = self._render(_dialogue(n))
        ids: list[int] = []
        for i in range(n):
            before, text = self._cut(text, _observation(i))
            ids += [*self._encode_piece(before), *self.encode(observations[i])]
            if i < n - 1 and _answer(i) in text:
                before, text = self._cut(text, _answer(i))
                ids += [*self._encode_piece(before), *self.encode(answers[i])]
        return (*ids, *self._encode_piece(text))

    @property
    def closing_id(self) -> int | None:
        """The token the template writes after an answer, where answers are kept as they are."""
        return self._after_answer[0] if self._after_answer else None

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
        """Whether later prompts begin with earlier ones, thinking in the answers included."""
        if not longer.startswith(opening + _answer(0)):
            return False
        longest = self._render(_dialogue(3))
        if not longest.startswith(longer + _answer(1)):
            return False
        thought = "<think>why</think>"
        messages = _dialogue(2)
        messages[1] = {"role": "assistant", "content": thought + _answer(0)}
        return self._render(messages).startswith(opening + thought + _answer(0))

    def _render(self, messages: list[Message]) -> str:
        try:
            text = self.tokenizer.apply_chat_template(
                messages, tokenize=False, add_generation_prompt=True
            )
        except TemplateError as error:
            name = self.tokenizer.name_or_path
            raise ModelError(f"the chat template of {name!r} refuses a game: {error}") from error
        assert isinstance(text, str)
        return text

    def _encode_piece(self, text: str) -> Ids:
        return tuple(self.tokenizer.encode(text, add_special_tokens=False)) if text else ()

    def _encode_plain(self, text: str) -> Ids:
        if not text:
            return ()
        return tuple(
            self.tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True)
        )


def _observation(i: int) -> str:
    return f"OBSERVATION-{i}-MARK"


def _answer(i: int) -> str:
    return f"ANSWER-{i}-MARK"


def _dialogue(turns: int) -> list[Message]:
    """`turns` observations with the answers between them, ending with an observation."""
    messages = [{"role": "user", "content": _observation(0)}]
    for i in range(1, turns):
        messages.append({"role": "assistant", "content": _answer(i - 1)})
        messages.append({"role": "user", "content": _observation(i)})
    return messages
