"""The language model as an agent: loading, stop tokens, limits, and games through the protocol."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import (
    CONFIG_MAPPING,
    AutoModelForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from tests.tiny import (
    bpe_tokenizer,
    chatml_tokenizer,
    gemma_tokenizer,
    qwen3_tokenizer,
    tiny_model,
)
from wordle_rl.agents.base import Opening, View
from wordle_rl.agents.language import LanguageAgent
from wordle_rl.agents.nano import byte_tokenizer, new_model
from wordle_rl.errors import ModelError
from wordle_rl.records import Completion, FinishReason

FILES = ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]


def tiny_agent(
    tokenizer: PreTrainedTokenizerFast, *, max_new_tokens: int = 8, seed: int = 0, **config: Any
) -> LanguageAgent:
    """A random Qwen3 with the vocabulary of a tokenizer."""
    settings = {
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "max_position_embeddings": 2048,
        "eos_token_id": tokenizer.eos_token_id,
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Qwen3ForCausalLM(Qwen3Config(**{**settings, **config}))
    return LanguageAgent(
        model,
        tokenizer,
        name="tiny",
        device="cpu",
        dtype="float32",
        max_new_tokens=max_new_tokens,
    )


def play(
    agent: LanguageAgent, seeds: Sequence[int], turns: int = 3, temperature: float = 1.0
) -> list[list[Completion]]:
    """The completions of games that are told the same, whatever they say."""
    opening = "Play."
    openings = [Opening(observation=opening, info={}, seed=s, public={}) for s in seeds]
    player = agent.begin(openings, temperature=temperature)
    said: list[list[Completion]] = [[] for _ in seeds]
    for turn in range(turns):
        view = View(observation=f"turn {turn}" if turn else opening, info={})
        for i, move in player.act(dict.fromkeys(range(len(seeds)), view)).items():
            assert move.completion is not None
            assert move.action == move.completion.text
            said[i].append(move.completion)
    return said


def save_nano(folder: Path) -> Path:
    new_model(layers=1, width=32).save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    return folder


# --- playing


@pytest.mark.parametrize("tokenizer", [byte_tokenizer, chatml_tokenizer, qwen3_tokenizer])
def test_a_game_depends_on_its_seed_alone(tokenizer: Any) -> None:
    agent = tiny_agent(tokenizer())
    three = play(agent, [1, 2, 3])
    ids = [[c.token_ids for c in game] for game in three]
    assert [[c.token_ids for c in game] for game in play(agent, [3, 1])] == [ids[2], ids[0]]
    [alone] = play(agent, [2])
    assert [c.token_ids for c in alone] == ids[1]
    for one, other in zip(alone, three[1], strict=True):
        assert one.logprobs == pytest.approx(other.logprobs, abs=1e-5)
        assert (one.prompt_ids, one.text) == (other.prompt_ids, other.text)
    assert len({tuple(game) for game in ids}) == 3


@pytest.mark.parametrize("tokenizer", [byte_tokenizer(), qwen3_tokenizer()], ids=["nano", "qwen3"])
def test_games_may_wait_while_others_move(tokenizer: Any) -> None:
    """As in games for two: what a game says depends on what it saw, not on who else moves."""
    agent = tiny_agent(tokenizer)
    together = play(agent, [1, 2, 3])
    openings = [Opening(observation="Play.", info={}, seed=s, public={}) for s in (1, 2, 3)]
    player = agent.begin(openings, temperature=1.0)
    told, said = [0, 0, 0], [[], [], []]  # type: ignore[var-annotated]
    for rows in ([0, 1], [2], [0, 2], [1], [0, 1, 2], [2, 1]):
        views = {
            i: View(observation=f"turn {told[i]}" if told[i] else "Play.", info={}) for i in rows
        }
        for i, move in player.act(views).items():
            told[i] += 1
            said[i].append(move.completion)
    for alone, waited in zip(together, said, strict=True):
        assert [c.token_ids for c in alone] == [c.token_ids for c in waited[:3]]


def test_turns_of_a_game_are_drawn_independently() -> None:
    """A template that drops thoughts gives short prompts; the numbers drawn must still be new.

    The weights are zero, so every token has the same probability in every context: answers that
    repeat would come from random numbers that repeat.
    """
    agent = tiny_agent(qwen3_tokenizer(), max_new_tokens=6)
    for parameter in agent.model.parameters():
        parameter.data.zero_()
    answers = [c.token_ids for c in play(agent, [5], turns=4)[0]]
    firsts = {ids[0] for ids in answers}
    assert len(firsts) == 4
    pairs = [set(pairwise(ids)) for ids in answers]
    assert not set.intersection(*pairs[:2])


def test_temperature_zero_is_the_same_for_every_seed() -> None:
    games = play(tiny_agent(byte_tokenizer()), [1, 2], temperature=0.0)
    assert games[0] == games[1]


def test_a_completion_is_text_without_its_stop_token() -> None:
    agent = tiny_agent(byte_tokenizer(), max_new_tokens=60)
    head = agent.model.get_input_embeddings().weight.data
    head[1] *= 3
    done = [c for game in play(agent, range(12), turns=1) for c in game]
    stopped = [c for c in done if c.finish_reason is FinishReason.STOP]
    cut = [c for c in done if c.finish_reason is FinishReason.LENGTH]
    assert stopped
    assert cut
    for completion in stopped:
        assert completion.token_ids[-1] == 1
        assert completion.text == agent.tokenizer.decode(list(completion.token_ids[:-1]))
        assert 1 not in completion.token_ids[:-1]
    for completion in cut:
        assert len(completion.token_ids) == 60
        assert completion.text == agent.tokenizer.decode(list(completion.token_ids))


def test_prompts_of_an_append_only_template_grow() -> None:
    for game in play(tiny_agent(byte_tokenizer()), [1, 2]):
        for earlier, later in pairwise(game):
            context = (*earlier.prompt_ids, *earlier.token_ids)
            assert later.prompt_ids[: len(context)] == context


def test_thoughts_are_not_in_later_prompts() -> None:
    agent = tiny_agent(qwen3_tokenizer())
    prompts = play(agent, [1])[0]
    text = agent.tokenizer.decode(list(prompts[2].prompt_ids))
    assert text.count("<|im_start|>user\n") == 3
    assert prompts[1].prompt_ids == agent.chat.prompt(["Play.", "turn 1"], [prompts[0].text])


def test_a_full_context_gets_no_answer() -> None:
    agent = tiny_agent(byte_tokenizer(), max_new_tokens=10)
    agent.model.config.max_position_embeddings = 36
    [game] = play(agent, [1], turns=3)
    assert 1 <= len(game) < 3
    assert all(len(c.prompt_ids) + 10 <= 36 for c in game)


def test_the_context_length_of_a_nested_config_is_the_texts() -> None:
    """Gemma 3 with vision keeps the settings of the language model in `text_config`."""
    text = {
        "vocab_size": 330,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 16,
        "max_position_embeddings": 77,
        "layer_types": ["sliding_attention", "full_attention"],
        "sliding_window": 8,
    }
    vision = {
        "hidden_size": 32,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "image_size": 28,
        "patch_size": 14,
    }
    config = CONFIG_MAPPING["gemma3"](text_config=text, vision_config=vision, mm_tokens_per_image=4)
    model = AutoModelForCausalLM.from_config(config)
    agent = LanguageAgent(
        model, gemma_tokenizer(), name="gemma", device="cpu", dtype="float32", max_new_tokens=5
    )
    assert agent.context_length == 77
    [game] = play(agent, [1], turns=2)
    assert len(game) == 2


def test_bfloat16_plays_nearly_the_same() -> None:
    exact = tiny_agent(byte_tokenizer())
    rough = LanguageAgent(
        exact.model, byte_tokenizer(), name="tiny", device="cpu", dtype="bfloat16"
    )
    rough.max_new_tokens = exact.max_new_tokens
    a, b = play(exact, [1], turns=1)[0][0], play(rough, [1], turns=1)[0][0]
    assert a.logprobs != b.logprobs
    assert a.logprobs[0] == pytest.approx(b.logprobs[0], abs=0.05)


# --- stop tokens


def with_eos(model: PreTrainedModel, eos: int | list[int] | None, config: int | None) -> None:
    model.config.eos_token_id = config
    assert model.generation_config is not None
    model.generation_config.eos_token_id = eos


@pytest.mark.parametrize(
    ("eos", "config", "expected"),
    [
        ([320, 322], 320, (322, 320)),
        (320, 320, (322, 320)),
        (None, None, (322,)),
        ([7, 322], None, (322, 7)),
    ],
)
def test_the_templates_closing_token_comes_first(
    eos: int | list[int] | None, config: int | None, expected: tuple[int, ...]
) -> None:
    tokenizer = chatml_tokenizer()
    assert tokenizer.convert_tokens_to_ids(["<|endoftext|>", "<|im_end|>"]) == [320, 322]
    agent = tiny_agent(tokenizer)
    with_eos(agent.model, eos, config)
    agent = LanguageAgent(agent.model, tokenizer, name="x", device="cpu", dtype="float32")
    assert agent.stop_ids == expected


def test_a_closing_token_that_is_no_end_of_sequence_stops_answers() -> None:
    """Gemma's template closes with <end_of_turn>; the tokenizer's eos is <eos>."""
    tokenizer = gemma_tokenizer()
    agent = tiny_agent(tokenizer)
    closing, eos = tokenizer.convert_tokens_to_ids(["<end_of_turn>", "<eos>"])
    assert agent.stop_ids == (closing, eos)


def test_a_model_that_never_stops_is_refused() -> None:
    template = "{% for m in messages %}{{ m.role + ': ' + m.content + '\n' }}{% endfor %}"
    tokenizer = bpe_tokenizer(template)
    agent = tiny_agent(chatml_tokenizer())
    with_eos(agent.model, None, None)
    tokenizer.eos_token = None
    with pytest.raises(ModelError, match="no end-of-sequence token"):
        LanguageAgent(agent.model, tokenizer, name="x", device="cpu", dtype="float32")


# --- loading


def test_a_folder_is_loaded_with_its_style_and_limit(tmp_path: Path) -> None:
    model = new_model(layers=1, width=32, seed=3)
    model.config.wordle_rl_style = "compact"
    model.config.wordle_rl_max_new_tokens = 12
    model.save_pretrained(tmp_path)
    byte_tokenizer().save_pretrained(tmp_path)
    agent = LanguageAgent.load(str(tmp_path), device="cpu", dtype="float32")
    assert (agent.name, agent.style, agent.max_new_tokens) == (str(tmp_path), "compact", 12)
    assert agent.model.dtype is torch.float32
    assert not agent.model.training
    other = LanguageAgent.load(str(tmp_path), device="cpu", dtype="float32", max_new_tokens=3)
    assert other.max_new_tokens == 3
    plain = LanguageAgent.load(str(save_nano(tmp_path / "plain")), device="cpu", dtype="float32")
    assert (plain.style, plain.max_new_tokens) == ("chat", 64)


def test_the_fingerprint_tells_agents_apart(tmp_path: Path) -> None:
    agent = tiny_agent(byte_tokenizer())
    agent.save(tmp_path / "same")
    same = LanguageAgent.load(
        str(tmp_path / "same"), device="cpu", dtype="float32", max_new_tokens=8
    )
    assert same.fingerprint == agent.fingerprint
    others = [tiny_agent(byte_tokenizer(), seed=1), tiny_agent(byte_tokenizer(), max_new_tokens=9)]
    assert len({a.fingerprint for a in (agent, *others)}) == 3


def test_the_fingerprint_takes_weights_of_any_shape() -> None:
    agent = tiny_agent(byte_tokenizer())
    before = agent.fingerprint
    agent.model.register_buffer("scale", torch.tensor(2.0))
    after = agent.fingerprint
    agent.model.scale.fill_(3.0)
    assert len({before, after, agent.fingerprint}) == 3


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        *((name, damage) for name in FILES for damage in ("empty", "half", "garbage")),
        *((name, "other") for name in FILES[:3]),
    ],
)
def test_a_damaged_file_is_one_line(tmp_path: Path, name: str, damage: str) -> None:
    file = save_nano(tmp_path) / name
    content = file.read_bytes()
    damaged = {
        "empty": b"",
        "half": content[: len(content) // 2],
        "garbage": b"\xff\x00garbage",
        "other": b'{"a": 1}',
    }
    file.write_bytes(damaged[damage])
    with pytest.raises(ModelError) as caught:
        LanguageAgent.load(str(tmp_path), device="cpu", dtype="float32")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", FILES[:3])
def test_a_missing_file_is_one_line(tmp_path: Path, name: str) -> None:
    (save_nano(tmp_path) / name).unlink()
    with pytest.raises(ModelError) as caught:
        LanguageAgent.load(str(tmp_path), device="cpu", dtype="float32")
    assert "\n" not in str(caught.value)


def test_weights_that_are_not_in_the_file_are_not_made_up(tmp_path: Path) -> None:
    file = save_nano(tmp_path) / "model.safetensors"
    weights = load_file(file)
    del weights["model.layers.0.mlp.up_proj.weight"]
    save_file(weights, file, metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"model\.layers\.0\.mlp\.up_proj\.weight"):
        LanguageAgent.load(str(tmp_path), device="cpu", dtype="float32")


def test_a_model_of_an_unknown_kind_is_one_line(tmp_path: Path) -> None:
    file = save_nano(tmp_path) / "config.json"
    file.write_text(json.dumps({"model_type": "qwen99"}))
    with pytest.raises(ModelError, match="cannot load model") as caught:
        LanguageAgent.load(str(tmp_path))
    assert "\n" not in str(caught.value)


def test_a_hub_id_without_network_is_one_line() -> None:
    with pytest.raises(ModelError, match="cannot load model 'nobody/nothing'") as caught:
        LanguageAgent.load("nobody/nothing")
    assert "\n" not in str(caught.value)


def test_models_that_cannot_be_decoded_are_refused() -> None:
    with pytest.raises(ModelError, match="has no key-value cache"):
        LanguageAgent(
            AutoModelForCausalLM.from_config(
                CONFIG_MAPPING["mamba"](vocab_size=64, hidden_size=32, num_hidden_layers=1)
            ),
            chatml_tokenizer(),
            name="mamba",
            device="cpu",
        )


def test_a_pad_token_the_model_does_not_know_is_not_used() -> None:
    tokenizer = chatml_tokenizer()
    agent = tiny_agent(tokenizer)
    assert agent.pad_id == 320
    tokenizer.add_special_tokens({"pad_token": "<|pad|>"})
    assert tokenizer.pad_token_id == agent.model.config.vocab_size
    agent = LanguageAgent(agent.model, tokenizer, name="x", device="cpu", dtype="float32")
    assert agent.pad_id == 0


def test_dropout_is_off() -> None:
    model = tiny_model("gpt2").train()
    agent = LanguageAgent(model, chatml_tokenizer(), name="x", device="cpu", dtype="float32")
    assert not agent.model.training


class Conversions(TorchDispatchMode):
    """Counts the tensors of a shape that are brought to bfloat16."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self._shape = shape
        self.count = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        to_half = kwargs.get("dtype") is torch.bfloat16
        if func is torch.ops.aten._to_copy.default and to_half and args[0].shape == self._shape:
            self.count += 1
        return func(*args, **kwargs)


def test_weights_are_converted_once_an_answer() -> None:
    agent = tiny_agent(chatml_tokenizer(), num_hidden_layers=1)
    agent.compute_dtype = torch.bfloat16
    with Conversions((32, 48)) as conversions:  # of the one down projection
        [said] = play(agent, [1], turns=3)
    assert sum(len(completion.token_ids) for completion in said) > 6
    assert conversions.count == 3
