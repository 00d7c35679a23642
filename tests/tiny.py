"""Tiny models and tokenizers of real families, made on the spot: nothing is downloaded.

Chat templates follow each family's documented format. Weights are drawn wide enough that a token
more or less in the context changes every probability by far more than rounding does.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    CONFIG_MAPPING,
    AutoModelForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

torch.set_num_threads(1)

VOCAB = 64
CORPUS = [
    "Guess 2/6: C R A N E -> X Y G X X [crane] [slate] I think the word is [trace].",
    "system user assistant model <think> </think> wordle 5x6 XYGXX GGGGG crane slate trace",
]

CHATML = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
LLAMA3 = (
    "{% set loop_messages = messages %}{% for message in loop_messages %}"
    "{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'"
    " + message['content'] | trim + '<|eot_id|>' %}"
    "{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}"
    "{{ content }}{% endfor %}"
    "{% if add_generation_prompt %}"
    "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
)
LLAMA2 = (
    "{% for message in messages %}"
    "{% if message['role'] == 'user' %}"
    "{{ bos_token + '[INST] ' + message['content'] | trim + ' [/INST]' }}"
    "{% else %}{{ ' ' + message['content'] | trim + ' ' + eos_token }}{% endif %}"
    "{% endfor %}"
)
GEMMA = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}"
    "{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for message in messages %}"
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/...') }}{% endif %}"
    "{% if message['role'] == 'assistant' %}{% set role = 'model' %}"
    "{% else %}{% set role = message['role'] %}{% endif %}"
    "{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
)
QWEN3 = (
    "{%- set ns = namespace(last_query_index=0) -%}"
    "{%- for message in messages -%}{%- if message.role == 'user' -%}"
    "{%- set ns.last_query_index = loop.index0 -%}{%- endif -%}{%- endfor -%}"
    "{%- for message in messages -%}"
    "{%- if message.role == 'assistant' -%}"
    "{%- set content = message.content -%}{%- set reasoning = '' -%}"
    "{%- if '</think>' in content -%}"
    "{%- set reasoning = content.split('</think>')[0].split('<think>')[-1].strip('\n') -%}"
    "{%- set content = content.split('</think>')[-1].lstrip('\n') -%}"
    "{%- endif -%}"
    "{%- if loop.index0 > ns.last_query_index and reasoning -%}"
    "{{- '<|im_start|>assistant\n<think>\n' + reasoning + '\n</think>\n\n' + content -}}"
    "{%- else -%}{{- '<|im_start|>assistant\n' + content -}}{%- endif -%}"
    "{{- '<|im_end|>\n' -}}"
    "{%- else -%}"
    "{{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' -}}"
    "{%- endif -%}{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\n' -}}{%- endif -%}"
)


def bpe_tokenizer(
    template: str | None,
    *,
    special: Sequence[str] = ("<|endoftext|>", "<|im_start|>", "<|im_end|>"),
    added: Sequence[str] = (),
    eos: str = "<|im_end|>",
    bos: str | None = None,
) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer trained on two lines; `added` tokens are not special."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(CORPUS, trainer)
    backend.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in special])
    backend.add_tokens([AddedToken(t, special=False, normalized=False) for t in added])
    names = {"eos_token": eos, "pad_token": special[0]} | ({"bos_token": bos} if bos else {})
    return PreTrainedTokenizerFast(tokenizer_object=backend, chat_template=template, **names)


def chatml_tokenizer() -> PreTrainedTokenizerFast:
    return bpe_tokenizer(CHATML)


def qwen3_tokenizer() -> PreTrainedTokenizerFast:
    return bpe_tokenizer(QWEN3, added=("<think>", "</think>"))


def llama3_tokenizer() -> PreTrainedTokenizerFast:
    special = (
        "<|end_of_text|>",
        "<|begin_of_text|>",
        "<|start_header_id|>",
        "<|end_header_id|>",
        "<|eot_id|>",
    )
    return bpe_tokenizer(LLAMA3, special=special, eos="<|eot_id|>", bos="<|begin_of_text|>")


def llama2_tokenizer() -> PreTrainedTokenizerFast:
    return bpe_tokenizer(LLAMA2, special=("<unk>", "<s>", "</s>"), eos="</s>", bos="<s>")


def gemma_tokenizer() -> PreTrainedTokenizerFast:
    special = ("<pad>", "<eos>", "<bos>", "<start_of_turn>", "<end_of_turn>")
    return bpe_tokenizer(GEMMA, special=special, eos="<eos>", bos="<bos>")


COMMON = {
    "vocab_size": VOCAB,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 128,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
WINDOW = 6
BOTH_KINDS = {"sliding_window": WINDOW, "layer_types": ["sliding_attention", "full_attention"]}
EXPERTS = {"num_local_experts": 4, "num_experts_per_tok": 2}
GPT2 = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 128}
DELTA_NET = {
    "layer_types": ["linear_attention", "full_attention"],
    "linear_num_value_heads": 4,
    "linear_num_key_heads": 2,
    "linear_key_head_dim": 8,
    "linear_value_head_dim": 8,
}
MLA = {
    "num_key_value_heads": 4,
    "kv_lora_rank": 8,
    "q_lora_rank": 16,
    "qk_rope_head_dim": 8,
    "qk_nope_head_dim": 8,
    "v_head_dim": 12,
    "first_k_dense_replace": 2,
    "head_dim": 8,
}

FULL: dict[str, dict[str, Any]] = {
    "qwen2": {},
    "qwen3": {},
    "llama": {},
    "smollm3": {},
    "gpt2": GPT2,
    "gpt_neox": {},
    "deepseek_v3": MLA,
}
"""Every layer sees everything before it."""
SLIDING: dict[str, dict[str, Any]] = {
    "mistral": {"sliding_window": WINDOW},
    "gemma2": {**BOTH_KINDS, "final_logit_softcapping": 3.0},
    "gemma3_text": {**BOTH_KINDS, "final_logit_softcapping": 3.0},
    "gpt_oss": {**BOTH_KINDS, **EXPERTS},
    "olmo3": BOTH_KINDS,
}
"""Some layers see a window of six tokens."""
FRESH: dict[str, dict[str, Any]] = {
    "qwen3_next": {
        **DELTA_NET,
        "num_experts": 4,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": 16,
        "shared_expert_intermediate_size": 16,
    },
    "lfm2": {
        "layer_types": ["conv", "full_attention"],
        "block_ff_dim": 48,
        "block_multiple_of": 8,
    },
    "bloom": {"n_layer": 2, "n_head": 4},
    "gpt_neo": {
        "num_layers": 2,
        "num_heads": 4,
        "attention_types": [[["global", "local"], 1]],
        "window_size": WINDOW,
    },
}
"""Layers that cannot take gaps: linear, convolution, and biases that count columns."""
EAGER_ONLY = {"gemma2", "gpt_oss", "bloom", "gpt_neo"}
ALL = FULL | SLIDING | FRESH


def tiny_model(family: str, *, attention: str = "eager", seed: int = 0) -> PreTrainedModel:
    """A model of a family with two layers of width 32, float32, the same for the same seed."""
    settings = {**COMMON, **ALL[family]}
    config = CONFIG_MAPPING[family](**settings)
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(config, attn_implementation=attention)
        for parameter in model.parameters():
            if parameter.ndim >= 2:
                torch.nn.init.normal_(parameter, std=0.2)
    return model.eval()


def clean_logits(model: PreTrainedModel, ids: Sequence[int]) -> torch.Tensor:
    """Logits of a plain forward pass over one row, without cache, padding or mask; [T, V]."""
    with torch.no_grad():
        logits: torch.Tensor = model(input_ids=torch.tensor([list(ids)])).logits[0]
    return logits.float()
