"""Families of language models as they are published, but tiny: config classes, special tokens and
chat templates as documented, random weights, a tokenizer trained on the spot.

Templates are written from the documented formats: what a user, an assistant and a system message
look like, what happens to earlier thoughts, and what a prompt ends with.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from transformers import (
    CONFIG_MAPPING,
    AutoModelForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from tests.tiny import bpe_tokenizer
from wordle_rl.agents.chat import PLAIN, ChatOptions
from wordle_rl.agents.language import LanguageAgent

WINDOW = 24
"""Tokens that a sliding layer sees: far fewer than a game has."""

QWEN25 = (
    "{%- if messages[0].role == 'system' -%}"
    "{{- '<|im_start|>system\n' + messages[0].content + '<|im_end|>\n' -}}"
    "{%- else -%}"
    "{{- '<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n' -}}"
    "{%- endif -%}"
    "{%- for message in messages -%}"
    "{%- if message.role != 'system' or not loop.first -%}"
    "{{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' -}}"
    "{%- endif -%}{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\n' -}}{%- endif -%}"
)
QWEN3 = (
    "{%- if messages[0].role == 'system' -%}"
    "{{- '<|im_start|>system\n' + messages[0].content + '<|im_end|>\n' -}}{%- endif -%}"
    "{%- set ns = namespace(last_query=0) -%}"
    "{%- for message in messages -%}{%- if message.role == 'user' -%}"
    "{%- set ns.last_query = loop.index0 -%}{%- endif -%}{%- endfor -%}"
    "{%- for message in messages -%}"
    "{%- if message.role == 'user' -%}"
    "{{- '<|im_start|>user\n' + message.content + '<|im_end|>\n' -}}"
    "{%- elif message.role == 'assistant' -%}"
    "{%- set content = message.content -%}{%- set thought = '' -%}"
    "{%- if '</think>' in content -%}"
    "{%- set thought = content.split('</think>')[0].rstrip('\n').split('<think>')[-1]"
    ".lstrip('\n') -%}"
    "{%- set content = content.split('</think>')[-1].lstrip('\n') -%}{%- endif -%}"
    "{%- if loop.index0 > ns.last_query -%}"
    "{{- '<|im_start|>assistant\n<think>\n' + thought + '\n</think>\n\n' + content -}}"
    "{%- else -%}{{- '<|im_start|>assistant\n' + content -}}{%- endif -%}"
    "{{- '<|im_end|>\n' -}}"
    "{%- endif -%}{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\n' -}}"
    "{%- if enable_thinking is defined and enable_thinking is false -%}"
    "{{- '<think>\n\n</think>\n\n' -}}{%- endif -%}{%- endif -%}"
)
QWEN3_THINKING = QWEN3.split("{%- if add_generation_prompt -%}")[0] + (
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\n<think>\n' -}}{%- endif -%}"
)
LLAMA3 = (
    "{{- bos_token -}}"
    "{%- if date_string is not defined -%}"
    "{%- set date_string = strftime_now('%d %b %Y') -%}{%- endif -%}"
    "{%- if messages[0].role == 'system' -%}"
    "{%- set system = messages[0].content | trim -%}{%- set messages = messages[1:] -%}"
    "{%- else -%}{%- set system = '' -%}{%- endif -%}"
    "{{- '<|start_header_id|>system<|end_header_id|>\n\n"
    "Cutting Knowledge Date: December 2023\nToday Date: ' + date_string + '\n\n'"
    " + system + '<|eot_id|>' -}}"
    "{%- for message in messages -%}"
    "{{- '<|start_header_id|>' + message.role + '<|end_header_id|>\n\n'"
    " + message.content | trim + '<|eot_id|>' -}}{%- endfor -%}"
    "{%- if add_generation_prompt -%}"
    "{{- '<|start_header_id|>assistant<|end_header_id|>\n\n' -}}{%- endif -%}"
)
GEMMA3 = (
    "{{- bos_token -}}"
    "{%- if messages[0].role == 'system' -%}"
    "{%- set prefix = messages[0].content + '\n\n' -%}{%- set messages = messages[1:] -%}"
    "{%- else -%}{%- set prefix = '' -%}{%- endif -%}"
    "{%- for message in messages -%}"
    "{%- if (message.role == 'user') != (loop.index0 % 2 == 0) -%}"
    "{{- raise_exception('Conversation roles must alternate user/assistant/...') -}}{%- endif -%}"
    "{%- set role = 'model' if message.role == 'assistant' else message.role -%}"
    "{{- '<start_of_turn>' + role + '\n' + (prefix if loop.first else '') -}}"
    "{{- message.content | trim + '<end_of_turn>\n' -}}{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<start_of_turn>model\n' -}}{%- endif -%}"
)
SMOLLM3 = (
    "{%- if enable_thinking is not defined -%}{%- set enable_thinking = true -%}{%- endif -%}"
    "{%- set mode = '/think' if enable_thinking else '/no_think' -%}"
    "{%- set custom = messages[0].content if messages[0].role == 'system' else"
    " 'You are a helpful AI assistant named SmolLM.' -%}"
    "{{- '<|im_start|>system\n## Metadata\n\nKnowledge Cutoff Date: June 2025\nToday Date: '"
    " + strftime_now('%d %B %Y') + '\nReasoning Mode: ' + mode"
    " + '\n\n## Custom Instructions\n\n' + custom + '\n\n<|im_end|>\n' -}}"
    "{%- for message in messages -%}"
    "{%- if message.role == 'user' -%}"
    "{{- '<|im_start|>user\n' + message.content + '<|im_end|>\n' -}}"
    "{%- elif message.role == 'assistant' -%}{{- '<|im_start|>assistant\n' -}}"
    "{%- if not enable_thinking -%}{{- '<think>\n\n</think>\n' -}}{%- endif -%}"
    "{{- message.content.lstrip('\n') + '<|im_end|>\n' -}}"
    "{%- endif -%}{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\n' -}}"
    "{%- if not enable_thinking -%}{{- '<think>\n\n</think>\n' -}}{%- endif -%}{%- endif -%}"
)
GPT_OSS = (
    "{%- if reasoning_effort is not defined -%}{%- set reasoning_effort = 'medium' -%}{%- endif -%}"
    "{{- '<|start|>system<|message|>You are ChatGPT, a large language model trained by OpenAI.\n"
    "Knowledge cutoff: 2024-06\nCurrent date: ' + strftime_now('%Y-%m-%d')"
    " + '\n\nReasoning: ' + reasoning_effort + '\n\n"
    "# Valid channels: analysis, commentary, final. Channel must be included for every message."
    "<|end|>' -}}"
    "{%- if messages[0].role == 'system' -%}"
    "{{- '<|start|>developer<|message|># Instructions\n\n' + messages[0].content"
    " + '\n\n<|end|>' -}}{%- endif -%}"
    "{%- for message in messages -%}"
    "{%- if message.role == 'user' -%}"
    "{{- '<|start|>user<|message|>' + message.content + '<|end|>' -}}"
    "{%- elif message.role == 'assistant' -%}"
    "{%- if '<|channel|>' in message.content -%}"
    "{{- raise_exception('channel tags in the content') -}}{%- endif -%}"
    "{{- '<|start|>assistant<|channel|>final<|message|>' + message.content + '<|end|>' -}}"
    "{%- endif -%}{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|start|>assistant' -}}{%- endif -%}"
)

CHATML_TOKENS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
LLAMA3_TOKENS = (
    "<|finetune_right_pad_id|>",
    "<|begin_of_text|>",
    "<|end_of_text|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<|eot_id|>",
)
GEMMA_TOKENS = ("<pad>", "<eos>", "<bos>", "<start_of_turn>", "<end_of_turn>")
HARMONY_TOKENS = (
    "<|endoftext|>",
    "<|start|>",
    "<|end|>",
    "<|message|>",
    "<|channel|>",
    "<|return|>",
    "<|call|>",
)
THINKING = ("<think>", "</think>")
EVERY_KIND = {
    "sliding_window": WINDOW,
    "layer_types": ["sliding_attention", "full_attention"],
}


@dataclass(frozen=True, kw_only=True)
class Family:
    """One way of publishing a model."""

    model_type: str
    tokenizer: Callable[[], PreTrainedTokenizerFast]
    stop: str
    """The token that ends an answer."""
    append_only: bool
    config: Mapping[str, Any] = field(default_factory=dict)
    chat: ChatOptions = PLAIN
    system: str = ""
    """What a prompt with the system message SYSTEM begins with."""


def chatml(template: str, added: Sequence[str] = ()) -> Callable[[], PreTrainedTokenizerFast]:
    return lambda: bpe_tokenizer(template, special=CHATML_TOKENS, added=added)


NO_THOUGHTS = ChatOptions(variables={"enable_thinking": False})
FAMILIES: dict[str, Family] = {
    "qwen3": Family(
        model_type="qwen3",
        tokenizer=chatml(QWEN3, THINKING),
        stop="<|im_end|>",
        append_only=False,
        system="<|im_start|>system\nSYSTEM<|im_end|>\n<|im_start|>user\n",
    ),
    "qwen3-without-thoughts": Family(
        model_type="qwen3",
        tokenizer=chatml(QWEN3, THINKING),
        stop="<|im_end|>",
        append_only=False,
        chat=NO_THOUGHTS,
        system="<|im_start|>system\nSYSTEM<|im_end|>\n<|im_start|>user\n",
    ),
    "qwen3-always-thinking": Family(
        model_type="qwen3",
        tokenizer=chatml(QWEN3_THINKING, THINKING),
        stop="<|im_end|>",
        append_only=False,
        system="<|im_start|>system\nSYSTEM<|im_end|>\n<|im_start|>user\n",
    ),
    "qwen2.5": Family(
        model_type="qwen2",
        tokenizer=chatml(QWEN25),
        stop="<|im_end|>",
        append_only=True,
        system="<|im_start|>system\nSYSTEM<|im_end|>\n<|im_start|>user\n",
    ),
    "llama3": Family(
        model_type="llama",
        tokenizer=lambda: bpe_tokenizer(
            LLAMA3, special=LLAMA3_TOKENS, eos="<|eot_id|>", bos="<|begin_of_text|>"
        ),
        stop="<|eot_id|>",
        append_only=True,
        config={
            "rope_parameters": {
                "rope_type": "llama3",
                "rope_theta": 500_000.0,
                "factor": 8.0,
                "low_freq_factor": 1.0,
                "high_freq_factor": 4.0,
                "original_max_position_embeddings": 512,
            }
        },
        system=(
            "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\n"
            "Cutting Knowledge Date: December 2023\nToday Date: 01 Jan 2026\n\nSYSTEM<|eot_id|>"
        ),
    ),
    "gemma3": Family(
        model_type="gemma3_text",
        tokenizer=lambda: bpe_tokenizer(GEMMA3, special=GEMMA_TOKENS, eos="<eos>", bos="<bos>"),
        stop="<end_of_turn>",
        append_only=True,
        config={**EVERY_KIND, "query_pre_attn_scalar": 8},
        system="<bos><start_of_turn>user\nSYSTEM\n\n",
    ),
    "smollm3": Family(
        model_type="smollm3",
        tokenizer=chatml(SMOLLM3, THINKING),
        stop="<|im_end|>",
        append_only=True,
        config={"no_rope_layers": [1, 0]},
        system=(
            "<|im_start|>system\n## Metadata\n\nKnowledge Cutoff Date: June 2025\n"
            "Today Date: 01 January 2026\nReasoning Mode: /think\n\n"
            "## Custom Instructions\n\nSYSTEM\n\n<|im_end|>\n"
        ),
    ),
    "smollm3-without-thoughts": Family(
        model_type="smollm3",
        tokenizer=chatml(SMOLLM3, THINKING),
        stop="<|im_end|>",
        append_only=True,
        config={"no_rope_layers": [1, 0]},
        chat=NO_THOUGHTS,
        system=(
            "<|im_start|>system\n## Metadata\n\nKnowledge Cutoff Date: June 2025\n"
            "Today Date: 01 January 2026\nReasoning Mode: /no_think\n\n"
            "## Custom Instructions\n\nSYSTEM\n\n<|im_end|>\n"
        ),
    ),
    "gpt-oss": Family(
        model_type="gpt_oss",
        tokenizer=lambda: bpe_tokenizer(GPT_OSS, special=HARMONY_TOKENS, eos="<|return|>"),
        stop="<|return|>",
        append_only=False,
        config={**EVERY_KIND, "num_local_experts": 4, "num_experts_per_tok": 2},
        chat=ChatOptions(variables={"reasoning_effort": "low"}),
        system=(
            "<|start|>system<|message|>You are ChatGPT, a large language model trained by OpenAI.\n"
            "Knowledge cutoff: 2024-06\nCurrent date: 2026-01-01\n\nReasoning: low\n\n"
            "# Valid channels: analysis, commentary, final. Channel must be included for every "
            "message.<|end|><|start|>developer<|message|># Instructions\n\nSYSTEM\n\n<|end|>"
        ),
    ),
}


def family_model(family: Family, tokenizer: PreTrainedTokenizerFast, seed: int = 0) -> Any:
    """A random model of a family over a tokenizer's vocabulary, likely to end its answers."""
    settings = {
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "max_position_embeddings": 4096,
        "tie_word_embeddings": False,
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        **family.config,
    }
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(seed)
        model: PreTrainedModel = AutoModelForCausalLM.from_config(
            CONFIG_MAPPING[family.model_type](**settings)
        )
        for parameter in model.parameters():
            if parameter.ndim >= 2:
                torch.nn.init.normal_(parameter, std=0.2)
        head: Any = model.get_output_embeddings()
        head.weight.data[tokenizer.convert_tokens_to_ids(family.stop)] *= 4
    return model.eval()


def family_agent(
    name: str, *, chat: ChatOptions | None = None, max_new_tokens: int = 10, seed: int = 0
) -> LanguageAgent:
    """A tiny agent of a family in float32 on the CPU."""
    family = FAMILIES[name]
    tokenizer = family.tokenizer()
    return LanguageAgent(
        family_model(family, tokenizer, seed),
        tokenizer,
        name=name,
        device="cpu",
        dtype="float32",
        max_new_tokens=max_new_tokens,
        chat=family.chat if chat is None else chat,
    )


def save_family(name: str, folder: Path) -> Path:
    """A tiny model as a folder, as it would be downloaded: nothing in it is ours."""
    family = FAMILIES[name]
    tokenizer = family.tokenizer()
    family_model(family, tokenizer).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
