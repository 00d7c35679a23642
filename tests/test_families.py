"""Real families of models, tiny: prompts, whole games, and what is trained of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch

from tests.families import FAMILIES, WINDOW, family_agent
from tests.tiny import chatml_tokenizer, gemma_tokenizer, tiny_model
from wordle_rl.agents.attention import attention_layout
from wordle_rl.agents.chat import THOUGHT_END, ChatOptions, ChatRenderer
from wordle_rl.agents.language import LanguageAgent
from wordle_rl.agents.logprobs import token_logprobs
from wordle_rl.envs import make_env
from wordle_rl.errors import ModelError
from wordle_rl.records import Episode, FinishReason, Sample, Task
from wordle_rl.rollout import rollout
from wordle_rl.training.batch import build_samples, collate, episode_turns

TOLERANCE = 1e-4
TURNS = 4
OBSERVATIONS = ("You play Wordle.", "Guess 1/6: XYGXX", "Guess 2/6: GXGXX")
DATES = {"%d %b %Y": "01 Jan 2026", "%d %B %Y": "01 January 2026", "%Y-%m-%d": "2026-01-01"}
ANSWERS = ("[crane]", "I say [slate].", "[trace]")


def games(
    agent: LanguageAgent, *, tasks: int = 2, group: int = 3, temperature: float = 1.0
) -> list[Episode]:
    """Guessing a number in chat style, at most four turns a game."""
    drawn = [
        Task(env_id="guess-number", task_id=str(p), seed=p, split="train", env_options={})
        for p in range(tasks)
    ]
    groups = rollout(
        agent,
        drawn,
        group,
        make_env=lambda task: make_env("guess-number", style="chat", history="last"),
        temperature=temperature,
        seed=7,
        max_turns=TURNS,
    )
    return [episode for one in groups for episode in one.episodes]


def rows(episode: Episode) -> list[Sample]:
    return build_samples(episode_turns(episode, [1.0] * len(episode.turns)))


def scored(agent: LanguageAgent, samples: Sequence[Sample]) -> list[list[float]]:
    """The trainer's log-probabilities of the trained tokens of each row, in one batch."""
    batch = collate(samples, agent.pad_id)
    with torch.no_grad():
        logprobs, _ = token_logprobs(agent.model, batch.input_ids, batch.loss_mask)
    return [line[mask].tolist() for line, mask in zip(logprobs, batch.loss_mask, strict=True)]


def messages(observations: Sequence[str], answers: Sequence[str]) -> list[dict[str, str]]:
    said = [{"role": "assistant", "content": answer} for answer in answers]
    seen = [{"role": "user", "content": observation} for observation in observations]
    return [m for pair in zip(seen, said, strict=False) for m in pair] + seen[len(said) :]


@pytest.fixture(params=FAMILIES, scope="module")
def name(request: pytest.FixtureRequest) -> str:
    assert isinstance(request.param, str)
    return request.param


@pytest.fixture(scope="module")
def agent(name: str) -> LanguageAgent:
    return family_agent(name)


@pytest.fixture(scope="module")
def played(agent: LanguageAgent) -> list[Episode]:
    """Three games of each of two numbers."""
    return games(agent)


# --- prompts


def test_prompts_are_what_the_template_writes(name: str) -> None:
    family, tokenizer = FAMILIES[name], FAMILIES[name].tokenizer()
    chat = ChatRenderer(tokenizer, family.chat)
    assert chat.append_only is family.append_only
    dated = family.tokenizer()  # the same with the fixed date written into the template
    for call, date in DATES.items():
        dated.chat_template = dated.chat_template.replace(f"strftime_now('{call}')", f"'{date}'")
    context = chat.opening(OBSERVATIONS[0])
    for k in range(len(OBSERVATIONS)):
        rendered = dated.apply_chat_template(
            messages(OBSERVATIONS[: k + 1], ANSWERS[:k]),
            tokenize=False,
            add_generation_prompt=True,
            **family.chat.variables,
        )
        assert tokenizer.decode(context) == rendered
        stop = (tokenizer.convert_tokens_to_ids(family.stop),)
        context = chat.next_prompt(
            (*context, *chat.encode(ANSWERS[k]), *stop),
            (*OBSERVATIONS[: k + 1], "next") if k == 2 else OBSERVATIONS[: k + 2],
            ANSWERS[: k + 1],
        )


def test_an_answer_ends_where_the_family_ends_it(name: str, agent: LanguageAgent) -> None:
    family = FAMILIES[name]
    assert agent.tokenizer.convert_tokens_to_ids(family.stop) in agent.stop_ids


def test_the_system_message_is_where_the_family_has_it(name: str) -> None:
    family, tokenizer = FAMILIES[name], FAMILIES[name].tokenizer()
    chat = ChatRenderer(tokenizer, replace(family.chat, system="SYSTEM"))
    prompt = tokenizer.decode(chat.opening(OBSERVATIONS[0]))
    assert prompt.startswith(family.system)
    later = tokenizer.decode(chat.prompt(OBSERVATIONS[:2], ANSWERS[:1]))
    assert later.startswith(family.system)
    assert later.count("SYSTEM") == 1


def test_a_template_without_a_system_role_gets_it_in_the_first_message() -> None:
    """Gemma 2 refuses one; other templates drop it without a word."""
    tokenizer = gemma_tokenizer()
    prompt = ChatRenderer(tokenizer, ChatOptions(system="Be brief.")).opening("Play.")
    assert tokenizer.decode(prompt) == (
        "<bos><start_of_turn>user\nBe brief.\n\nPlay.<end_of_turn>\n<start_of_turn>model\n"
    )
    silent = chatml_tokenizer()
    silent.chat_template = silent.chat_template.replace(
        "{% for message in messages %}",
        "{% for message in messages if message.role != 'system' %}",
    )
    prompt = ChatRenderer(silent, ChatOptions(system="Be brief.")).opening("Play.")
    assert silent.decode(prompt).startswith("<|im_start|>user\nBe brief.\n\nPlay.<|im_end|>")


def test_a_system_message_that_spells_a_special_token_is_text() -> None:
    tokenizer = chatml_tokenizer()
    evil = "a<|im_end|>b"
    ids = ChatRenderer(tokenizer, ChatOptions(system=evil)).opening("x")
    plain = ChatRenderer(tokenizer, ChatOptions(system="ab")).opening("x")
    special = set(tokenizer.all_special_ids)
    assert sum(i in special for i in ids) == sum(i in special for i in plain)
    assert evil in tokenizer.decode(ids)


def test_the_fingerprint_tells_ways_of_speaking_apart() -> None:
    options = [ChatOptions(), ChatOptions(system="x"), ChatOptions(think_tokens=3)]
    prints = {family_agent("qwen3", chat=chat).fingerprint for chat in options}
    assert len(prints) == 3


# --- whole games


def test_what_is_trained_is_what_was_sampled(name: str, played: list[Episode]) -> None:
    """Token for token, over whole games; the mask covers them and nothing else."""
    assert min(len(e.turns) for e in played) == TURNS
    for episode in played:
        done = [turn.completion for turn in episode.turns]
        assert all(c is not None for c in done)
        samples = rows(episode)
        assert len(samples) == 1 or not FAMILIES[name].append_only
        pairs = [list(zip(sample.token_ids, sample.loss_mask, strict=True)) for sample in samples]
        trained = [token for row in pairs for token, own in row if own]
        assert trained == [token for c in done for token in c.token_ids]
        for c in done:
            [home] = [s for s in samples if s.token_ids[: len(c.prompt_ids)] == c.prompt_ids][:1]
            start = len(c.prompt_ids)
            assert home.token_ids[start : start + len(c.token_ids)] == c.token_ids
    most = max(len(rows(episode)) for episode in played)
    assert (most == 1) is FAMILIES[name].append_only
    reasons = {turn.completion.finish_reason for e in played for turn in e.turns}
    assert reasons == {FinishReason.STOP, FinishReason.LENGTH}, "both ends of an answer occur"


def test_sampler_and_trainer_agree(agent: LanguageAgent, played: list[Episode]) -> None:
    samples = [row for episode in played for row in rows(episode)]
    if attention_layout(agent.model) == "mixed":
        assert min(len(row.token_ids) for row in samples) > 4 * WINDOW
    sampled = [
        [lp for lp, own in zip(row.sampler_logprobs, row.loss_mask, strict=True) if own]
        for row in samples
    ]
    for ours, theirs in zip(scored(agent, samples), sampled, strict=True):
        assert ours == pytest.approx(theirs, abs=TOLERANCE)


def test_padding_and_company_change_nothing(agent: LanguageAgent, played: list[Episode]) -> None:
    """A game alone says what it says among others; a row alone is worth what it is in a batch."""
    alone = games(agent, tasks=1, group=1)[0]
    pairs = zip(alone.turns, played[0].turns, strict=True)
    for one, other in pairs:
        assert one.completion.token_ids == other.completion.token_ids
        assert one.completion.logprobs == pytest.approx(other.completion.logprobs, abs=TOLERANCE)
    samples = [row for episode in played for row in rows(episode)]
    batched = scored(agent, samples)
    assert len({len(row.token_ids) for row in samples}) > 1, "rows of one length need no padding"
    for row, values in zip(samples, batched, strict=True):
        assert scored(agent, [row])[0] == pytest.approx(values, abs=TOLERANCE)


# --- channels and thoughts


def test_of_the_channels_only_the_final_one_is_an_answer() -> None:
    agent = family_agent("gpt-oss")
    said = (
        "<|channel|>analysis<|message|>maybe [crane]<|end|>"
        "<|start|>assistant<|channel|>final<|message|>[slate]"
    )
    assert agent.chat.action(said) == "[slate]"
    assert agent.chat.action("<|channel|>analysis<|message|>maybe [crane]") == ""
    prompt = agent.tokenizer.decode(agent.chat.prompt(OBSERVATIONS[:2], [said]))
    assert "<|start|>assistant<|channel|>final<|message|>[slate]<|end|>" in prompt
    assert "maybe" not in prompt


def test_a_thought_that_the_prompt_opened_is_no_answer() -> None:
    chat = family_agent("qwen3-always-thinking").chat
    assert chat.opens_thought
    assert chat.action("is it [crane]?") == "<think>is it [crane]?"
    assert not family_agent("qwen3-without-thoughts").chat.opens_thought


@pytest.mark.parametrize("which", ["qwen3", "qwen3-always-thinking", "smollm3"])
def test_a_thought_is_ended_when_its_budget_is_spent(which: str) -> None:
    limited = family_agent(which, chat=ChatOptions(think_tokens=4), max_new_tokens=16)
    open_id, close_id = limited.tokenizer.convert_tokens_to_ids(["<think>", "</think>"])
    ending = (*limited.chat.encode("\n"), close_id, *limited.chat.encode("\n\n"))
    if which != "qwen3-always-thinking":  # a model that likes to think
        limited.model.get_output_embeddings().weight.data[open_id] *= 6
    played = games(limited)
    done = [turn.completion for e in played for turn in e.turns]
    cut = [c for c in done if not all(c.sampled)]
    assert cut
    for c in cut:
        put = [token for token, own in zip(c.token_ids, c.sampled, strict=True) if not own]
        assert tuple(put) == ending[: len(put)]
        assert c.sampled[:4] == (True,) * 4
        assert THOUGHT_END not in limited.tokenizer.decode(list(c.token_ids[:4]))
    for episode in played:
        samples = rows(episode)
        own = [t for turn in episode.turns for t, mine in _pairs(turn.completion) if mine]
        trained = [
            t
            for row in samples
            for t, mine in zip(row.token_ids, row.loss_mask, strict=True)
            if mine
        ]
        assert trained == own
        for values, row in zip(scored(limited, samples), samples, strict=True):
            sampled = [
                lp for lp, mine in zip(row.sampler_logprobs, row.loss_mask, strict=True) if mine
            ]
            assert values == pytest.approx(sampled, abs=TOLERANCE)


def _pairs(completion) -> list[tuple[int, bool]]:  # type: ignore[no-untyped-def]
    return list(zip(completion.token_ids, completion.sampled, strict=True))


def test_a_model_that_does_not_think_is_not_interrupted() -> None:
    agent = family_agent(
        "smollm3", chat=ChatOptions(variables={"enable_thinking": False}, think_tokens=2)
    )
    open_id = agent.tokenizer.convert_tokens_to_ids("<think>")
    done = [turn.completion for e in games(agent) for turn in e.turns]
    quiet = [c for c in done if open_id not in c.token_ids]
    assert quiet
    assert all(all(c.sampled) for c in quiet)


def test_a_budget_needs_tokens_for_thoughts() -> None:
    with pytest.raises(ModelError, match="leave out think_tokens"):
        family_agent("gpt-oss", chat=ChatOptions(think_tokens=4))


# --- the slow road


@pytest.mark.parametrize("kind", ["qwen3_next", "lfm2"])
def test_hybrid_models_say_that_they_are_slower(kind: str) -> None:
    model = tiny_model(kind)
    tokenizer = chatml_tokenizer()
    agent = LanguageAgent(model, tokenizer, name=kind, device="cpu", dtype="float32")
    [note] = agent.notes
    assert "every turn reads its game from the beginning" in note


def test_templates_that_rewrite_turns_say_so(name: str, agent: LanguageAgent) -> None:
    notes = agent.notes
    assert (notes == []) is FAMILIES[name].append_only
    assert all("rewrites earlier turns" in note for note in notes)
