"""Played turns -> Samples -> Batches: what is trained is what was sampled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

from tests.tiny import chatml_tokenizer, qwen3_tokenizer
from wordle_rl.agents.base import Move, Opening, View
from wordle_rl.agents.language import LanguageAgent
from wordle_rl.agents.logprobs import token_logprobs
from wordle_rl.agents.nano import byte_tokenizer, new_model
from wordle_rl.envs import make_env
from wordle_rl.envs.base import Style
from wordle_rl.errors import SampleError
from wordle_rl.records import Completion, Episode, FinishReason, Sample, Task
from wordle_rl.rollout import rollout
from wordle_rl.training.batch import (
    TrainedTurn,
    build_samples,
    collate,
    episode_turns,
    micro_batches,
)

Ids = tuple[int, ...]


def turn(
    prompt_ids: Ids, token_ids: Ids, advantage: float = 1.0, trained: bool = True
) -> TrainedTurn:
    return TrainedTurn(
        prompt_ids=prompt_ids,
        token_ids=token_ids,
        logprobs=tuple(-0.1 * i for i in token_ids),
        advantage=advantage,
        trained=trained,
    )


def sample_of(length: int, first: int = 7) -> Sample:
    return Sample(
        token_ids=tuple(range(first, first + length)),
        loss_mask=(False,) + (True,) * (length - 1),
        sampler_logprobs=(0.0,) + (-0.5,) * (length - 1),
        advantages=(0.0,) + (2.0,) * (length - 1),
    )


# --- turns -> samples


def test_turns_that_continue_are_one_sample() -> None:
    turns = [turn((10, 11), (1, 2), 0.5), turn((10, 11, 1, 2, 12), (3,), -1.0)]
    [sample] = build_samples(turns)
    assert sample.token_ids == (10, 11, 1, 2, 12, 3)
    assert sample.loss_mask == (False, False, True, True, False, True)
    assert sample.sampler_logprobs == pytest.approx((0, 0, -0.1, -0.2, 0, -0.3))
    assert sample.advantages == (0, 0, 0.5, 0.5, 0, -1.0)


@pytest.mark.parametrize(
    "prompt_ids",
    [
        (10, 11, 1, 9, 12),
        (10, 11, 1),
        (10, 11, 12),
        (99, 11, 1, 2, 12),
        (),
    ],
    ids=["other token", "shorter", "answer missing", "other prompt", "empty"],
)
def test_a_prompt_that_does_not_continue_begins_a_sample(prompt_ids: Ids) -> None:
    first, second = turn((10, 11), (1, 2)), turn(prompt_ids, (3,))
    samples = build_samples([first, second])
    assert [s.token_ids for s in samples] == [(10, 11, 1, 2), (*prompt_ids, 3)]
    assert [sum(s.loss_mask) for s in samples] == [2, 1]
    third = turn((*prompt_ids, 3, 4), (5,))
    samples = build_samples([first, second, third])
    assert [s.token_ids for s in samples] == [(10, 11, 1, 2), (*prompt_ids, 3, 4, 5)]


def test_an_answer_straight_after_another_is_kept_apart_by_nothing() -> None:
    [sample] = build_samples([turn((10,), (1,)), turn((10, 1), (2,))])
    assert sample.token_ids == (10, 1, 2)
    assert sample.loss_mask == (False, True, True)


def test_untrained_turns_are_context() -> None:
    [sample] = build_samples([turn((10,), (1, 2), trained=False), turn((10, 1, 2, 11), (3,))])
    assert sample.token_ids == (10, 1, 2, 11, 3)
    assert sample.loss_mask == (False, False, False, False, True)


def test_no_turns_are_no_samples() -> None:
    assert build_samples([]) == []


# --- episodes -> turns


class Script:
    """An agent that says fixed tokens; turn k of game i says `(100 + i, 200 + k)`."""

    name = "script"
    style: Style = "compact"

    def begin(self, openings: Sequence[Opening], *, temperature: float) -> Script:
        self.context: list[Ids] = [()] * len(openings)
        self.turns = [0] * len(openings)
        return self

    def act(self, views: Mapping[int, View]) -> Mapping[int, Move]:
        return {i: self.speak(i, view.observation) for i, view in views.items()}

    def speak(self, i: int, observation: str) -> Move:
        prompt = (*self.context[i], *observation.encode())
        tokens = (1100 + i, 1200 + self.turns[i])
        self.context[i] = (*prompt, *tokens)
        self.turns[i] += 1
        completion = Completion(
            text="[crane]",
            prompt_ids=prompt,
            token_ids=tokens,
            logprobs=(-1.0, -2.0),
            finish_reason=FinishReason.LENGTH,
        )
        return Move(action="[crane]", completion=completion)


def play_wordle(agent: Any, *, tasks: int = 2, group_size: int = 2, seed: int = 0) -> list[Episode]:
    groups = rollout(
        agent,
        [Task(env_id="wordle", task_id=f"t{p}", seed=p) for p in range(tasks)],
        group_size,
        make_env=lambda task: make_env(task.env_id, style=agent.style, history="last"),
        temperature=1.0,
        seed=seed,
    )
    return [episode for group in groups for episode in group.episodes]


def test_a_played_episode_is_masked_exactly_where_the_agent_spoke() -> None:
    for i, episode in enumerate(play_wordle(Script())):
        values = [float(k) for k in range(len(episode.turns))]
        [sample] = build_samples(episode_turns(episode, values))
        spoken = [t for t, m in zip(sample.token_ids, sample.loss_mask, strict=True) if m]
        heard = [t for t, m in zip(sample.token_ids, sample.loss_mask, strict=True) if not m]
        turns = range(len(episode.turns))
        assert spoken == [token for k in turns for token in (1100 + i, 1200 + k)]
        assert bytes(heard).decode() == "".join(t.observation for t in episode.turns)
        trained = [a for a, m in zip(sample.advantages, sample.loss_mask, strict=True) if m]
        assert trained == [float(k) for k in turns for _ in range(2)]


def test_turns_without_tokens_cannot_be_trained() -> None:
    class Mute(Script):
        def speak(self, i: int, observation: str) -> Move:
            return Move(action="crane")

    episode = play_wordle(Mute())[0]
    with pytest.raises(SampleError, match="without sampled tokens"):
        episode_turns(episode, [0.0] * len(episode.turns))


def test_every_turn_needs_an_advantage() -> None:
    episode = play_wordle(Script())[0]
    with pytest.raises(SampleError, match="1 advantages for 6 turns"):
        episode_turns(episode, [0.0])


# --- token in, token out, with a model that samples


def tiny_agent(tokenizer: PreTrainedTokenizerFast, *, max_new_tokens: int = 8) -> LanguageAgent:
    """A random model that says random tokens: its text is rarely tokenised as it was said."""
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        head_dim=16,
        max_position_embeddings=2048,
        eos_token_id=tokenizer.eos_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = Qwen3ForCausalLM(config)
    return LanguageAgent(
        model,
        tokenizer,
        name="tiny",
        device="cpu",
        dtype="float32",
        max_new_tokens=max_new_tokens,
    )


def test_trained_ids_are_the_sampled_ids() -> None:
    agent = tiny_agent(chatml_tokenizer())
    changed = 0
    for episode in play_wordle(agent):
        done = [t.completion for t in episode.turns if t.completion is not None]
        assert len(done) == 6
        [sample] = build_samples(episode_turns(episode, [1.0] * 6))
        positions = [t for t, trained in enumerate(sample.loss_mask) if trained]
        said = [i for c in done for i in c.token_ids]
        assert [sample.token_ids[t] for t in positions] == said
        assert [sample.sampler_logprobs[t] for t in positions] == [
            x for c in done for x in c.logprobs
        ]
        for completion in done:
            context = (*completion.prompt_ids, *completion.token_ids)
            assert sample.token_ids[: len(context)] == context
            again = agent.tokenizer.encode(completion.text, add_special_tokens=False)
            stopped = completion.finish_reason is FinishReason.STOP
            changed += tuple(again) != completion.token_ids[: len(completion.token_ids) - stopped]
    assert changed > 12, "encoding the text again gives other tokens in most turns"


def test_feedback_is_context_and_never_trained() -> None:
    agent = tiny_agent(chatml_tokenizer())
    episode = play_wordle(agent, tasks=1)[0]
    [sample] = build_samples(episode_turns(episode, [1.0] * len(episode.turns)))
    heard = [t for t, m in zip(sample.token_ids, sample.loss_mask, strict=True) if not m]
    text = agent.tokenizer.decode(heard)
    assert all(turn.observation in text for turn in episode.turns)
    assert text.count("<|im_start|>") == 12


def test_what_is_trained_has_the_probability_it_was_sampled_with() -> None:
    """Rollout, samples, batch and trainer together: the ratio of the first update is 1."""
    agent = tiny_agent(byte_tokenizer())
    episodes = play_wordle(agent)
    samples = [s for e in episodes for s in build_samples(episode_turns(e, [1.0] * len(e.turns)))]
    batch = collate(samples, agent.pad_id)
    with torch.no_grad():
        logprobs, _ = token_logprobs(agent.model, batch.input_ids, batch.loss_mask)
    assert torch.equal(batch.old_logprobs, batch.sampler_logprobs)
    assert int(batch.loss_mask.sum()) > 100
    assert float((logprobs - batch.sampler_logprobs).abs().max()) < 2e-5
    assert float(batch.sampler_logprobs.min()) < -3


def test_a_template_that_drops_thoughts_makes_a_sample_a_turn() -> None:
    agent = tiny_agent(qwen3_tokenizer())
    episode = play_wordle(agent, tasks=1)[0]
    samples = build_samples(episode_turns(episode, [1.0] * 6))
    assert len(samples) == 6
    for sample, turn_ in zip(samples, episode.turns, strict=True):
        completion = turn_.completion
        assert completion is not None
        assert sample.token_ids == (*completion.prompt_ids, *completion.token_ids)
        assert sum(sample.loss_mask) == len(completion.token_ids)


def test_a_game_that_fills_the_context_is_cut_and_its_turns_are_trained() -> None:
    agent = tiny_agent(byte_tokenizer())
    opening = len(agent.chat.opening(make_env("wordle").reset(seed=0)[0]))
    agent.model.config.max_position_embeddings = opening + 70
    episodes = play_wordle(agent)
    assert all(e.truncated and not e.terminated for e in episodes)
    assert {len(e.turns) for e in episodes} <= {1, 2}
    for episode in episodes:
        [sample] = build_samples(episode_turns(episode, [1.0] * len(episode.turns)))
        assert len(sample.token_ids) <= agent.context_length


def test_a_prompt_that_does_not_fit_is_a_game_without_turns() -> None:
    agent = tiny_agent(byte_tokenizer())
    agent.model.config.max_position_embeddings = 20
    episodes = play_wordle(agent)
    assert [(len(e.turns), e.truncated) for e in episodes] == [(0, True)] * 4


# --- samples -> batches


def test_collate_pads_on_the_right() -> None:
    batch = collate([sample_of(2), sample_of(3, first=2**24 + 1)], pad_id=4)
    big = 2**24 + 1
    assert batch.input_ids.tolist() == [[7, 8, 4], [big, big + 1, big + 2]]
    assert batch.attention_mask.tolist() == [[True, True, False], [True, True, True]]
    assert batch.loss_mask.tolist() == [[False, True, False], [False, True, True]]
    assert batch.sampler_logprobs.tolist() == [[0, -0.5, 0], [0, -0.5, -0.5]]
    assert batch.old_logprobs.tolist() == batch.sampler_logprobs.tolist()
    assert batch.advantages.tolist() == [[0, 2, 0], [0, 2, 2]]
    assert batch.ref_logprobs is None
    assert batch.input_ids.dtype is torch.int64
    assert batch.loss_mask.dtype is batch.attention_mask.dtype is torch.bool
    assert batch.advantages.dtype is batch.sampler_logprobs.dtype is torch.float32


@settings(max_examples=50)
@given(st.lists(st.integers(2, 40), max_size=30), st.integers(1, 200))
def test_micro_batches_keep_the_budget_and_every_row(lengths: list[int], budget: int) -> None:
    samples = [sample_of(length, first=1000 * i) for i, length in enumerate(lengths)]
    micros = list(micro_batches(samples, budget))
    rows = [sample for micro in micros for sample in micro]
    assert sorted(s.token_ids for s in rows) == sorted(s.token_ids for s in samples)
    for micro in micros:
        padded = len(micro) * max(len(s.token_ids) for s in micro)
        assert padded <= budget or len(micro) == 1
    widths = [len(s.token_ids) for s in rows]
    assert widths == sorted(widths)


def test_micro_batches_are_as_large_as_the_budget_allows() -> None:
    samples = [sample_of(n) for n in (5, 2, 3, 9, 3)]
    micros = micro_batches(samples, 9)
    assert [[len(s.token_ids) for s in micro] for micro in micros] == [[2, 3, 3], [5], [9]]


def test_micro_batches_have_numbers_of_rows_that_come_again() -> None:
    samples = [sample_of(10) for _ in range(100)]
    assert [len(micro) for micro in micro_batches(samples, 350)] == [32, 32, 32, 4]


def test_nano_conversations_are_one_sample() -> None:
    agent = LanguageAgent(
        new_model(layers=1, width=32),
        byte_tokenizer(),
        name="nano",
        device="cpu",
        dtype="float32",
        style="compact",
        max_new_tokens=6,
    )
    for episode in play_wordle(agent):
        assert len(build_samples(episode_turns(episode, [0.0] * len(episode.turns)))) == 1
