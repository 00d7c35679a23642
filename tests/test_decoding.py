"""Batched incremental decoding against a plain forward pass over each row alone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from peft import PeftModel
from torch import Tensor
from transformers import CONFIG_MAPPING, AutoModelForCausalLM, PreTrainedModel

from tests.tiny import (
    ALL,
    COMMON,
    EAGER_ONLY,
    FRESH,
    FULL,
    SLIDING,
    VOCAB,
    WINDOW,
    clean_logits,
    tiny_model,
)
from wordle_rl.agents.attention import attention_for, attention_layout, attention_mask
from wordle_rl.agents.decoding import (
    Decoder,
    Sampled,
    check_decoding,
    uniforms,
)
from wordle_rl.agents.device import autocast
from wordle_rl.agents.lora import add_lora
from wordle_rl.agents.shapes import size_above
from wordle_rl.agents.step_graphs import Record
from wordle_rl.errors import ModelError

STOPS = tuple(range(3, 20))
"""A quarter of the vocabulary, so that answers of a batch end at different lengths."""
TOLERANCE = 2e-5
BOTH = [
    (family, attention)
    for family in FULL | SLIDING
    for attention in ("eager", "sdpa")
    if attention == "eager" or family not in EAGER_ONLY
]


def random_ids(count: int, seed: int) -> tuple[int, ...]:
    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.randint(3, VOCAB, (count,), generator=generator).tolist())


class Game:
    """A row and every answer that was sampled in it, with the context it was sampled in."""

    def __init__(self, context: tuple[int, ...], seed: int) -> None:
        self.context = context
        self.seed = seed
        self.answers: list[tuple[tuple[int, ...], Sampled]] = []

    @property
    def drawn(self) -> int:
        return sum(len(answer.token_ids) for _, answer in self.answers)

    def hear(self, answer: Sampled, feedback: tuple[int, ...]) -> None:
        self.answers.append((self.context, answer))
        self.context = (*self.context, *answer.token_ids, *feedback)

    def error(self, model: PreTrainedModel, temperature: float = 1.0) -> float:
        """Largest difference of a recorded log-probability from a plain forward pass."""
        worst = 0.0
        for context, answer in self.answers:
            logits = clean_logits(model, (*context, *answer.token_ids))[len(context) - 1 : -1]
            logp = F.log_softmax(logits / temperature, -1)
            for row, token, recorded in zip(logp, answer.token_ids, answer.logprobs, strict=True):
                worst = max(worst, abs(recorded - float(row[token])))
        return worst


def play(
    model: PreTrainedModel,
    games: Sequence[Game],
    *,
    turns: int = 3,
    drop: Sequence[int] = (),
    temperature: float = 1.0,
    max_new_tokens: int = 4,
    record: Record | None = None,
) -> None:
    """Play turns with feedback of a different length in every row; `drop` leaves after turn 1."""
    live = list(range(len(games)))
    decoder: Decoder | None = None
    with torch.no_grad():
        for turn in range(turns):
            if decoder is None or not decoder.keeps_cache:
                decoder = Decoder(
                    model,
                    0,
                    seeds=[games[i].seed for i in live],
                    drawn=[games[i].drawn for i in live],
                    record=record,
                )
            decoder.extend([games[i].context for i in live])
            answers = decoder.sample(
                max_new_tokens=max_new_tokens, stop_ids=STOPS, temperature=temperature
            )
            for i, answer in zip(live, answers, strict=True):
                length = 1 + (3 * games[i].seed + 2 * turn) % 6
                games[i].hear(answer, random_ids(length, 100 * games[i].seed + turn))
            if turn == 0:
                kept = [k for k, i in enumerate(live) if i not in drop]
                if decoder.keeps_cache:
                    decoder.select(kept)
                live = [live[k] for k in kept]


def four_games() -> list[Game]:
    """Prompts of 5, 5 (equal), 9 and 2 tokens."""
    prompt = random_ids(5, 0)
    return [
        Game(prompt, seed=1),
        Game(prompt, seed=2),
        Game(random_ids(9, 1), seed=3),
        Game(random_ids(2, 2), seed=4),
    ]


# --- log-probabilities


@pytest.mark.parametrize(("family", "attention"), BOTH)
def test_recorded_logprobs_are_those_of_a_plain_forward(
    family: str, attention: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wordle_rl.agents.attention.SMALL_SCORES", 0)
    model = tiny_model(family, attention=attention)
    assert model.config._attn_implementation == attention
    games = four_games()
    play(model, games, drop=[1])
    lengths = {len(answer.token_ids) for game in games for _, answer in game.answers}
    assert len(lengths) > 1, "answers of one length leave no gaps"
    assert max(len(game.context) for game in games) > 3 * WINDOW
    assert [len(game.answers) for game in games] == [3, 1, 3, 3]
    assert max(game.error(model) for game in games) < TOLERANCE


@pytest.mark.parametrize("family", ["qwen3", "mistral", "gemma3_text"])
def test_attention_may_change_inside_a_game(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a CPU small problems take the eager path: here single tokens do, prompts do not."""
    used = []

    def spy(model: PreTrainedModel, *, queries: int, keys: int) -> AbstractContextManager[None]:
        @contextmanager
        def record() -> Iterator[None]:
            with attention_for(model, queries=queries, keys=keys):
                used.append(model.config._attn_implementation)
                yield

        return record()

    monkeypatch.setattr("wordle_rl.agents.attention.SMALL_SCORES", 25)
    monkeypatch.setattr("wordle_rl.agents.decoding.attention_for", spy)
    model = tiny_model(family, attention="sdpa")
    games = four_games()
    play(model, games)
    assert used[:2] == ["sdpa", "eager"]
    assert model.config._attn_implementation == "sdpa"
    assert max(game.error(model) for game in games) < TOLERANCE


@pytest.mark.parametrize(
    ("queries", "dtype", "used"),
    [
        (1, torch.float32, "eager"),
        (1, torch.bfloat16, "sdpa"),
        (8, torch.bfloat16, "eager"),
        (200, torch.float32, "sdpa"),
    ],
)
def test_which_attention_serves_a_cpu(queries: int, dtype: torch.dtype, used: str) -> None:
    model = tiny_model("qwen3", attention="sdpa")
    with autocast(torch.device("cpu"), dtype), attention_for(model, queries=queries, keys=200):
        assert model.config._attn_implementation == used
    halved = tiny_model("qwen3", attention="sdpa").to(dtype)  # type: ignore[arg-type]
    with attention_for(halved, queries=queries, keys=200):
        assert halved.config._attn_implementation == used


@pytest.mark.parametrize("family", FRESH)
def test_layers_that_cannot_take_gaps_are_prefilled_afresh(family: str) -> None:
    model = tiny_model(family)
    assert attention_layout(model) == "none"
    assert not Decoder(model, 0, [0]).keeps_cache
    games = four_games()
    play(model, games, drop=[1])
    assert max(game.error(model) for game in games) < TOLERANCE


@pytest.mark.parametrize(
    ("family", "layout"),
    [
        *((family, "full") for family in FULL),
        *((family, "sliding" if family == "mistral" else "mixed") for family in SLIDING),
    ],
)
def test_layout_of_a_family(family: str, layout: str) -> None:
    assert attention_layout(tiny_model(family)) == layout


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
def test_lora_is_decoded_like_its_base() -> None:
    model = add_lora(tiny_model("gemma3_text"), rank=2, alpha=4)
    assert isinstance(model, PeftModel)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    assert attention_layout(model) == "mixed"
    games = four_games()
    play(model, games, drop=[0])
    assert max(game.error(model) for game in games) < TOLERANCE


@pytest.mark.parametrize("temperature", [0.5, 1.7])
def test_temperature_divides_logits(temperature: float) -> None:
    model = tiny_model("qwen3")
    games = four_games()
    play(model, games, temperature=temperature)
    assert max(game.error(model, temperature) for game in games) < TOLERANCE
    assert max(game.error(model, 1.0) for game in games) > 0.1


def test_temperature_zero_takes_the_most_likely_token() -> None:
    model = tiny_model("qwen3")
    games = four_games()
    play(model, games, temperature=0.0)
    for game in games:
        for context, answer in game.answers:
            logits = clean_logits(model, (*context, *answer.token_ids))[len(context) - 1 : -1]
            assert tuple(logits.argmax(-1).tolist()) == answer.token_ids
    assert max(game.error(model, 1.0) for game in games) < TOLERANCE


def test_softcapped_logits_are_what_is_sampled_from() -> None:
    """With a cap of 3 no two log-probabilities are further apart than 6 nats; without they are."""
    model = tiny_model("gemma3_text")
    for parameter in model.get_output_embeddings().parameters():
        parameter.data *= 20
    games = four_games()
    play(model, games)
    assert max(game.error(model) for game in games) < TOLERANCE
    assert (
        min(min(answer.logprobs) for g in games for _, answer in g.answers) > -math.log(VOCAB) - 6
    )
    model.config.final_logit_softcapping = None
    assert max(game.error(model) for game in games) > 1.0


# --- models that cannot be decoded this way


@pytest.mark.parametrize(
    ("family", "settings"),
    [
        ("mamba", {"state_size": 8, "expand": 2, "time_step_rank": 4}),
        ("mamba2", {"num_heads": 4, "head_dim": 16, "state_size": 8, "n_groups": 1}),
        ("rwkv", {"attention_hidden_size": 32}),
    ],
)
def test_models_without_a_key_value_cache_are_refused(
    family: str, settings: dict[str, Any]
) -> None:
    config = CONFIG_MAPPING[family](
        vocab_size=VOCAB, hidden_size=32, num_hidden_layers=2, **settings
    )
    model = AutoModelForCausalLM.from_config(config)
    with pytest.raises(ModelError, match="has no key-value cache"):
        attention_layout(model)
    with pytest.raises(ModelError, match="has no key-value cache"):
        check_decoding(model, 0)


def test_models_that_call_themselves_stateful_are_prefilled_afresh() -> None:
    model = tiny_model("qwen3")
    model._is_stateful = True
    assert attention_layout(model) == "none"


def test_other_attention_implementations_are_refused() -> None:
    model = tiny_model("qwen3")
    model.config._attn_implementation = "flash_attention_2"
    with pytest.raises(ModelError, match="attn_implementation='sdpa'"):
        attention_layout(model)


@pytest.mark.parametrize("family", ALL)
def test_check_passes_what_decodes(family: str) -> None:
    check_decoding(tiny_model(family), 0)


def test_check_finds_code_that_counts_columns() -> None:
    """RoBERTa numbers its positions from its padding id on."""
    settings = {**COMMON, "max_position_embeddings": 32, "is_decoder": True}
    roberta = AutoModelForCausalLM.from_config(CONFIG_MAPPING["roberta"](**settings)).eval()
    torch.nn.init.normal_(roberta.roberta.embeddings.position_embeddings.weight)
    with pytest.raises(ModelError, match="other probabilities in a batch than alone"):
        check_decoding(roberta, 0)


def test_check_finds_a_sampler_that_is_not_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    def blind_to_gaps(q: Tensor, k: Tensor, valid: Tensor, window: int | None = None) -> Tensor:
        return attention_mask(q, k, torch.ones_like(valid), window)

    model = tiny_model("qwen3")
    monkeypatch.setattr("wordle_rl.agents.decoding.attention_mask", blind_to_gaps)
    with pytest.raises(ModelError, match="other probabilities in a batch than alone"):
        check_decoding(model, 0)


# --- what is computed, and when


def count_tokens(model: PreTrainedModel) -> list[tuple[int, int]]:
    """The [rows, columns] of every forward call from now on."""
    calls: list[tuple[int, int]] = []
    embeddings = model.get_input_embeddings()
    embeddings.register_forward_hook(lambda _m, args, _o: calls.append(tuple(args[0].shape)))
    return calls


def test_equal_prompts_are_computed_once() -> None:
    model = tiny_model("qwen3")
    calls = count_tokens(model)
    a, b = random_ids(7, 0), random_ids(4, 1)
    decoder = Decoder(model, 0, seeds=range(6))
    decoder.extend([a, b, a, a, b, a])
    assert calls == [(2, 7)]
    decoder.sample(max_new_tokens=2, stop_ids=(), temperature=1.0)
    assert calls == [(2, 7), (6, 1)]


def test_the_context_is_never_computed_again() -> None:
    model = tiny_model("qwen3")
    calls = count_tokens(model)
    decoder = Decoder(model, 0, seeds=[1, 2])
    contexts = [random_ids(7, 0), random_ids(4, 1)]
    decoder.extend(contexts)
    answers = decoder.sample(max_new_tokens=3, stop_ids=(), temperature=1.0)
    del calls[:]
    decoder.extend([(*c, *a.token_ids, 5, 6) for c, a in zip(contexts, answers, strict=True)])
    assert calls == [(2, 3)], "the last sampled token and two of feedback"


def test_finished_games_leave_the_batch() -> None:
    model = tiny_model("llama")
    games = four_games()
    calls = count_tokens(model)
    play(model, games, turns=2, drop=[0, 3])
    rows = [rows for rows, _ in calls]
    second_turn = rows.index(2)
    assert set(rows[1:second_turn]) == {4}
    assert set(rows[second_turn:]) == {2}


@pytest.mark.parametrize("family", ["llama", "qwen3_next"])
def test_sizes_of_the_batch_come_again_and_change_no_game(family: str) -> None:
    model = tiny_model(family)
    games = [Game(random_ids(2 + k % 3, k), seed=k) for k in range(21)]
    calls = count_tokens(model)
    play(model, games, drop=[3, 7, 11, 20])
    assert {rows for rows, _ in calls[1:]} == {size_above(21), size_above(17)} == {22, 18}
    del calls[:]
    for k in (0, 19, 20):
        alone = Game(random_ids(2 + k % 3, k), seed=k)
        play(model, [alone], turns=1 if k == 20 else 3)
        assert answers_of([alone]) == answers_of([games[k]])
    assert {rows for rows, _ in calls} == {1}


def test_a_copy_says_what_its_original_says_whatever_it_computes() -> None:
    decoder = Decoder(tiny_model("llama"), 0, seeds=range(17))
    with torch.no_grad():
        decoder.extend([random_ids(3, k) for k in range(17)])
        decoder._logits[17] = -decoder._logits[17]
        decoder.sample(max_new_tokens=3, stop_ids=(), temperature=0)
    torch.testing.assert_close(decoder._logits[17], decoder._logits[16])


def test_the_next_token_is_told_of_the_games_alone() -> None:
    decoder = Decoder(tiny_model("llama"), 0, seeds=range(21))
    decoder.extend([random_ids(3, k) for k in range(21)])
    assert len(decoder.next_token_probs()) == 21
    decoder.select(range(19))
    assert len(decoder.next_token_probs()) == 19


# --- the random numbers


def answers_of(games: Sequence[Game]) -> list[list[tuple[int, ...]]]:
    return [[answer.token_ids for _, answer in game.answers] for game in games]


@pytest.mark.parametrize("family", ["qwen3", "qwen3_next"])
def test_sampling_depends_on_neither_order_nor_company(family: str) -> None:
    model = tiny_model(family)
    together = four_games()
    play(model, together, drop=[0])
    backwards = four_games()
    play(model, backwards[::-1], drop=[3])
    alone = four_games()
    for game in alone:
        play(model, [game])
    assert answers_of(backwards) == answers_of(together)
    assert answers_of(alone)[1:] == answers_of(together)[1:]


def test_a_game_never_draws_the_same_number_twice() -> None:
    """Also where every turn is decoded afresh in a shorter context (thoughts are dropped)."""
    model = tiny_model("qwen3")
    drawn: list[tuple[int, int]] = []

    def spy(seeds: Tensor, counters: Tensor) -> Tensor:
        drawn.extend(zip(seeds.tolist(), counters.tolist(), strict=True))
        return uniforms(seeds, counters)

    with pytest.MonkeyPatch.context() as patch, torch.inference_mode():
        patch.setattr("wordle_rl.agents.decoding.uniforms", spy)
        count = 0
        for context in (random_ids(9, 0), random_ids(6, 1), random_ids(9, 2)):
            decoder = Decoder(model, 0, seeds=[7], drawn=[count])
            decoder.extend([context])
            [answer] = decoder.sample(max_new_tokens=5, stop_ids=(), temperature=1.0)
            count += len(answer.token_ids)
    assert drawn == [(7, n) for n in range(15)]


def test_sampled_tokens_follow_the_distribution() -> None:
    """Pearson's chi-square over 8000 seeds, pooled to cells of at least 20 expected draws."""
    model = tiny_model("qwen3")
    prompt, temperature, n = random_ids(6, 0), 0.7, 8000
    decoder = Decoder(model, 0, seeds=range(n))
    with torch.inference_mode():
        decoder.extend([prompt] * n)
        answers = decoder.sample(max_new_tokens=1, stop_ids=(), temperature=temperature)
    expected = n * (clean_logits(model, prompt)[-1] / temperature).softmax(-1)
    counts = torch.zeros(VOCAB).scatter_add(
        0, torch.tensor([a.token_ids[0] for a in answers]), torch.ones(n)
    )
    large = expected >= 20
    observed = torch.cat([counts[large], counts[~large].sum().unsqueeze(0)])
    wanted = torch.cat([expected[large], expected[~large].sum().unsqueeze(0)])
    assert len(wanted) > 10
    assert chi_square_is_plausible(observed, wanted)
    assert not chi_square_is_plausible(observed, wanted.flip(0))


def chi_square_is_plausible(observed: Tensor, expected: Tensor) -> bool:
    """Within four standard deviations of the mean of the chi-square distribution."""
    degrees = len(expected) - 1
    statistic = float(((observed - expected) ** 2 / expected).sum())
    return abs(statistic - degrees) < 4 * math.sqrt(2 * degrees)


def splitmix64(seed: int, n: int) -> int:
    """Output n of SplitMix64, as in Steele, Lea and Flood (2014), figure 17."""
    mask = 2**64 - 1
    z = (seed + n * 0x9E3779B97F4A7C15) & mask
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
    return z ^ (z >> 31)


def test_reference_splitmix_gives_the_published_outputs() -> None:
    """The first outputs of seed 1234567 (Rosetta Code, "Pseudo-random numbers/Splitmix64")."""
    assert [splitmix64(1234567, n) for n in (1, 2, 3)] == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
    ]


def test_uniforms_are_splitmix64() -> None:
    seeds = [0, 1, 1234567, 2**62 + 12345, 2**63 - 1]
    counters = [0, 1, 2, 1000, 2**31]
    for counter in counters:
        got = uniforms(torch.tensor(seeds), torch.tensor([counter] * len(seeds)))
        assert got.dtype is torch.float64
        assert got.tolist() == [(splitmix64(s, counter) >> 11) / 2**53 for s in seeds]


def test_uniforms_are_uniform_along_seeds_and_counters() -> None:
    n, cells = 20_000, 50
    ramp, zero = torch.arange(n), torch.zeros(n, dtype=torch.long)
    for values in (uniforms(ramp, zero), uniforms(zero, ramp)):
        assert float(values.min()) >= 0
        assert float(values.max()) < 1
        counts = torch.histc(values.float(), cells, 0, 1)
        assert chi_square_is_plausible(counts, torch.full((cells,), n / cells))
        neighbours = torch.corrcoef(torch.stack([values[1:], values[:-1]]))[0, 1]
        assert abs(float(neighbours)) < 4 / math.sqrt(n)


# --- where answers end


def test_an_answer_ends_with_its_first_stop_token() -> None:
    model = tiny_model("qwen3")
    games = [Game(random_ids(3 + i, i), seed=i) for i in range(12)]
    play(model, games, turns=1, max_new_tokens=6)
    answers = [answer.token_ids for game in games for _, answer in game.answers]
    assert all(token not in STOPS for ids in answers for token in ids[:-1])
    stopped = [ids for ids in answers if ids[-1] in STOPS]
    cut = [ids for ids in answers if ids[-1] not in STOPS]
    assert stopped
    assert cut
    assert {len(ids) for ids in cut} == {6}


def test_max_new_tokens_is_exact() -> None:
    model = tiny_model("qwen3")
    for limit in (1, 3):
        decoder = Decoder(model, 0, seeds=[0, 1])
        decoder.extend([random_ids(4, 0), random_ids(2, 1)])
        answers = decoder.sample(max_new_tokens=limit, stop_ids=(), temperature=1.0)
        assert [len(answer.token_ids) for answer in answers] == [limit, limit]


# --- masks


def test_mask_of_a_row_with_a_gap() -> None:
    """Columns: token 0, gap, token 1, token 2 (the query); then the same with a window of 2."""
    positions = torch.tensor([[0, 0, 1, 2]])
    valid = torch.tensor([[True, False, True, True]])
    query = torch.tensor([[2]])
    full = attention_mask(query, positions, valid)
    near = attention_mask(query, positions, valid, window=2)
    assert full.tolist() == [[[[True, False, True, True]]]]
    assert near.tolist() == [[[[False, False, True, True]]]]


def test_mask_is_causal_and_a_gap_sees_one_column() -> None:
    positions = torch.tensor([[0, 0, 1]])
    valid = torch.tensor([[False, True, True]])
    mask = attention_mask(positions, positions, valid)
    assert mask[0, 0].tolist() == [
        [False, True, False],
        [False, True, False],
        [False, True, True],
    ]
    nothing = attention_mask(positions, positions, torch.zeros_like(valid))
    assert nothing[0, 0].tolist() == [[True, False, False]] * 3
