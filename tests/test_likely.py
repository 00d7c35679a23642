"""The likeliest answers of a model, against every answer there is."""

import math
from collections.abc import Sequence

import pytest
import torch
from transformers import PreTrainedModel

from tests.tiny import clean_logits, tiny_model
from wordle_rl.agents.language import LanguageAgent
from wordle_rl.agents.likely import LONGEST, likely_answers
from wordle_rl.agents.nano import byte_tokenizer, new_model

PROMPT = (3, 40, 41, 42, 4)


class Bytes:
    """Decodes ids as words, so that every answer is another text."""

    def decode(self, ids: Sequence[int]) -> str:
        return " ".join(map(str, ids))


def agent_of(model: PreTrainedModel, *, max_new_tokens: int) -> LanguageAgent:
    return LanguageAgent(
        model, byte_tokenizer(), name="tiny", dtype="float32", max_new_tokens=max_new_tokens
    )


def every_answer(model: PreTrainedModel, stop: int) -> dict[str, float]:
    """All answers of up to two tokens and a stop token, by plain forward passes."""
    tokens = [i for i in range(model.config.vocab_size) if i != stop]
    first = torch.log_softmax(clean_logits(model, PROMPT)[-1].double(), -1)
    found = {"": math.exp(first[stop].item())}
    for a in tokens:
        second = torch.log_softmax(clean_logits(model, (*PROMPT, a))[-1].double(), -1)
        found[f"{a}"] = math.exp((first[a] + second[stop]).item())
        rows = torch.tensor([[*PROMPT, a, b] for b in tokens])
        with torch.no_grad():
            third = torch.log_softmax(model(input_ids=rows).logits[:, -1].double(), -1)
        for i, b in enumerate(tokens):
            found[f"{a} {b}"] = math.exp((first[a] + second[b] + third[i, stop]).item())
    return found


@pytest.mark.parametrize("family", ["qwen3", "lfm2"])
def test_a_beam_that_is_wide_enough_finds_what_counting_finds(family: str) -> None:
    """With and without a cache that lasts."""
    model = tiny_model(family)
    stop = 2
    agent = agent_of(new_model(layers=1, width=32), max_new_tokens=3)
    agent.model, agent.stop_ids = model, (stop,)
    vars(agent)["tokenizer"] = Bytes()
    expected = sorted(every_answer(model, stop).items(), key=lambda item: -item[1])[:5]
    found = likely_answers(agent, PROMPT, count=5, width=4096)
    assert [text for text, _ in found] == [text for text, _ in expected]
    for (_, ours), (_, theirs) in zip(found, expected, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-4)


def test_probabilities_are_not_renormalised_and_spaces_count_as_nothing() -> None:
    agent = agent_of(new_model(layers=1, width=32), max_new_tokens=3)
    found = likely_answers(agent, PROMPT, count=8)
    assert len(found) == 8
    assert 0 < sum(p for _, p in found) < 1
    assert all(text == text.strip() for text, _ in found)
    assert found == sorted(found, key=lambda answer: -answer[1])


def test_where_answers_may_be_long_none_is_listed() -> None:
    agent = agent_of(new_model(layers=1, width=32), max_new_tokens=LONGEST + 1)
    assert likely_answers(agent, PROMPT) == []
