"""nano: the small language model that comes with the package, made from nothing.

A Qwen3-architecture model of a few million parameters over bytes. Its tokenizer has one id for
every byte and a few special tokens, so any text has ids and no text spells a special token. Both
are ordinary `save_pretrained` folders: no code path anywhere knows that a model is nano.
"""

from __future__ import annotations

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

SPECIAL_TOKENS = ("<|pad|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>")
# Only the assistant closes its message: the next role token ends the others, one token a turn less.
CHAT_TEMPLATE = (
    "{%- for message in messages -%}"
    "<|{{ message.role }}|>{{ message.content }}"
    "{%- if message.role == 'assistant' -%}<|end|>{%- endif -%}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}<|assistant|>{%- endif -%}"
)


def byte_tokenizer() -> PreTrainedTokenizerFast:
    """A tokenizer of 256 bytes and five special tokens; ids 0-4 are special, byte b is b + 5."""
    alphabet = _byte_alphabet()
    vocab = {token: i for i, token in enumerate((*SPECIAL_TOKENS, *alphabet))}
    backend = Tokenizer(models.BPE(vocab=vocab, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens([AddedToken(t, special=True) for t in SPECIAL_TOKENS])
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=backend,
        pad_token="<|pad|>",
        eos_token="<|end|>",
        chat_template=CHAT_TEMPLATE,
        model_max_length=2048,
        clean_up_tokenization_spaces=False,
    )


def new_model(*, layers: int = 4, width: int = 256, seed: int = 0) -> Qwen3ForCausalLM:
    """A freshly initialised nano in float32: 3.3 million parameters by default.

    Args:
        layers: number of transformer layers.
        width: hidden size; a multiple of 32, the size of a head.
        seed: of the weights; the global random state is left as it was.
    """
    config = Qwen3Config(
        vocab_size=len(SPECIAL_TOKENS) + 256,
        hidden_size=width,
        intermediate_size=round(width * 8 / 3 / 64) * 64,
        num_hidden_layers=layers,
        num_attention_heads=width // 32,
        num_key_value_heads=width // 32,
        head_dim=32,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        rope_parameters={"rope_type": "default", "rope_theta": 10_000.0},
        pad_token_id=SPECIAL_TOKENS.index("<|pad|>"),
        eos_token_id=SPECIAL_TOKENS.index("<|end|>"),
        bos_token_id=None,
    )
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would seed every GPU as well
        return Qwen3ForCausalLM(config)


def _byte_alphabet() -> list[str]:
    """The printable stand-ins of bytes 0..255 that ByteLevel tokenizers use, in byte order."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    stand_in = {b: chr(b) for b in printable}
    stand_in |= {b: chr(256 + i) for i, b in enumerate(b for b in range(256) if b not in stand_in)}
    return [stand_in[b] for b in range(256)]
