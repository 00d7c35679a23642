"""The built-in model: its byte tokenizer, its weights, and the way through `save_pretrained`."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM, AutoTokenizer, Qwen3ForCausalLM

from tests.tiny import clean_logits
from wordle_rl.agents.chat import ChatRenderer
from wordle_rl.agents.nano import SPECIAL_TOKENS, byte_tokenizer, new_model

TOKENIZER = byte_tokenizer()
CHAT = ChatRenderer(TOKENIZER)
FIRST_BYTE = 5


def byte_ids(text: str) -> tuple[int, ...]:
    """What the ids must be: five special tokens, then the 256 bytes in order."""
    return tuple(FIRST_BYTE + byte for byte in text.encode())


# --- tokenizer


def test_vocabulary_is_the_special_tokens_and_the_bytes() -> None:
    assert len(TOKENIZER) == 261
    assert TOKENIZER.convert_ids_to_tokens(list(range(5))) == list(SPECIAL_TOKENS)
    assert (TOKENIZER.pad_token_id, TOKENIZER.eos_token_id) == (0, 1)
    assert sorted(TOKENIZER.get_vocab().values()) == list(range(261))


def test_every_byte_has_its_id_and_comes_back() -> None:
    """All bytes that occur in UTF-8: 0 to 127 alone, the others inside of characters."""
    ascii_text = "".join(map(chr, range(128)))
    assert CHAT.encode(ascii_text) == tuple(range(5, 133))
    wide = [chr(c) for c in (*range(128, 0x800), *range(0x800, 0xD800, 64), 0xE000, 0xFFFD)]
    wide += [chr(c) for c in (*range(0x10000, 0x110000, 0x8000), 0x10FFFF)]
    ids = tuple(i for char in wide for i in CHAT.encode(char))
    assert ids == byte_ids("".join(wide))
    never_in_utf8 = {0xC0, 0xC1, *range(0xF5, 0x100)}
    seen = {i - FIRST_BYTE for i in (*range(5, 133), *ids)}
    assert seen == set(range(256)) - never_in_utf8
    assert TOKENIZER.decode(list(ids)) == "".join(wide)


def test_a_byte_alone_decodes_to_the_replacement_mark() -> None:
    assert TOKENIZER.decode([FIRST_BYTE + 0xC3]) == "\ufffd"
    assert TOKENIZER.decode([FIRST_BYTE + 0xC3, FIRST_BYTE + 0xA9]) == "é"


@settings(max_examples=50)
@given(st.text())
def test_any_text_comes_back(text: str) -> None:
    assert CHAT.encode(text) == byte_ids(text)
    assert TOKENIZER.decode(list(byte_ids(text))) == text


@settings(max_examples=50)
@given(st.lists(st.sampled_from([*SPECIAL_TOKENS, "<|", "|>", "end", "é", " "]), max_size=6))
def test_text_that_spells_a_special_token_stays_text(pieces: list[str]) -> None:
    text = "".join(pieces)
    assert CHAT.encode(text) == byte_ids(text)


def test_a_turn_costs_two_tokens_more_than_its_text() -> None:
    """Only answers are closed; the next role token ends the other messages."""
    assert CHAT.append_only
    assert CHAT.opening("ab") == (3, *byte_ids("ab"), 4)
    assert CHAT.between((*byte_ids("x"), 1), "YX") == (3, *byte_ids("YX"), 4)
    assert CHAT.between(byte_ids("x"), "YX") == (1, 3, *byte_ids("YX"), 4)
    text = TOKENIZER.apply_chat_template(
        [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}], tokenize=False
    )
    assert text == "<|system|>s<|user|>u"


# --- weights


def test_default_size_is_between_two_and_six_million() -> None:
    model = new_model()
    count = sum(parameter.numel() for parameter in model.parameters())
    width, layers, inner, head = 256, 4, 704, 32
    norms = layers * (2 * width + 2 * head) + width
    assert count == 261 * width + layers * (4 * width**2 + 3 * width * inner) + norms
    assert 2_000_000 < count < 6_000_000
    assert model.dtype is torch.float32


def test_weights_are_a_function_of_the_seed() -> None:
    def weights(seed: int) -> list[torch.Tensor]:
        return list(new_model(layers=1, width=32, seed=seed).state_dict().values())

    assert all(torch.equal(a, b) for a, b in zip(weights(3), weights(3), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(weights(3), weights(4), strict=True))


def test_global_random_states_are_left_alone() -> None:
    torch.manual_seed(11)
    states = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()
    new_model(layers=1, width=32, seed=5)
    assert torch.equal(torch.get_rng_state(), states[0])
    assert np.random.get_state()[1].tolist() == states[1]
    assert random.getstate() == states[2]


def test_no_device_is_seeded(monkeypatch: pytest.MonkeyPatch) -> None:
    """`torch.manual_seed` would reset the random state of every GPU as well."""
    seeded = []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", seeded.append)
    new_model(layers=1, width=32, seed=5)
    assert seeded == []


# --- the way through a folder


def test_a_saved_model_is_an_ordinary_one(tmp_path: Path) -> None:
    model = new_model(layers=1, width=32, seed=1).eval()
    model.save_pretrained(tmp_path)
    TOKENIZER.save_pretrained(tmp_path)
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path).eval()
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    assert isinstance(loaded, Qwen3ForCausalLM)
    ids = CHAT.opening("wordle 5x6")
    assert torch.equal(clean_logits(loaded, ids), clean_logits(model, ids))
    chat = ChatRenderer(tokenizer)
    strange = "<|end|> é \U0001f600 \x00  two  spaces , .  ' s"
    assert chat.opening(strange) == CHAT.opening(strange)
    assert chat.between((4, 1), strange) == CHAT.between((4, 1), strange)
    assert tokenizer.decode(list(chat.encode(strange))) == strange
    assert (tokenizer.pad_token_id, tokenizer.eos_token_id) == (0, 1)
