"""A language model as judge of finished games: rubric and transcript in, a score from 0 to 1 out.

The judge is a model behind an OpenAI-compatible server, or any model that `load_language_agent`
finds, run here. Replies are cached on disk, so a resumed run has the scores it had and equal games
are judged once. A reply without a score is a missing score, counted, and never an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol

from wordle_rl.agents.api_client import ApiClient, ChatReply, Message, TransientApiError
from wordle_rl.agents.base import Agent, Opening, View
from wordle_rl.config import JudgeSection, TrainConfig
from wordle_rl.errors import ConfigError, ModelError
from wordle_rl.records import EpisodeGroup, FinishReason
from wordle_rl.run_dir import RunDir
from wordle_rl.training.reply_cache import ReplyCache, reply_key
from wordle_rl.training.rubrics import (
    Rubric,
    episode_transcript,
    judge_messages,
    load_rubric,
    parse_score,
)
from wordle_rl.training.scoring import Scores, WeightedScorer

Prompt = Sequence[Message]
CACHE_NAME = "judge-cache.sqlite"
LOCAL_BATCH = 32
"""Transcripts that a local judge reads together."""


class Backend(Protocol):
    """Who answers a judge's questions."""

    @property
    def identity(self) -> str:
        """What its replies depend on beside the question."""
        ...

    def ask(self, prompts: Sequence[Prompt]) -> Iterator[tuple[int, ChatReply | str]]:
        """Index and reply of every prompt, in the order in which they come in.

        In place of a reply there may be a line that says why there is none.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerBackend:
    """A model behind a server; `concurrency` questions are under way at once."""

    client: ApiClient
    max_tokens: int
    concurrency: int

    @property
    def identity(self) -> str:
        """The address, the model and the settings of a request."""
        request = sorted(self.client.request.items())
        return f"{self.client.base_url} {self.client.model} {self.max_tokens} {request}"

    def ask(self, prompts: Sequence[Prompt]) -> Iterator[tuple[int, ChatReply | str]]:
        """Ask; what a server refuses for good (a wrong key, an unknown model) is raised."""
        pool = ThreadPoolExecutor(self.concurrency, thread_name_prefix="judge")
        try:
            futures: dict[Future[ChatReply], int] = {
                pool.submit(
                    self.client.chat, prompt, temperature=0.0, max_tokens=self.max_tokens
                ): index
                for index, prompt in enumerate(prompts)
            }
            for future in as_completed(futures):
                try:
                    yield futures[future], future.result()
                except TransientApiError as error:
                    yield futures[future], str(error)
        finally:
            pool.shutdown(cancel_futures=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalBackend:
    """A model in this process, decoded greedily."""

    agent: Agent
    fingerprint: str

    @property
    def identity(self) -> str:
        """Weights, precision and answer limit."""
        return f"local {self.fingerprint}"

    def ask(self, prompts: Sequence[Prompt]) -> Iterator[tuple[int, ChatReply | str]]:
        """Answer in batches; a prompt that does not fit the context has no reply."""
        rows = iter(enumerate(prompts))
        while batch := list(islice(rows, LOCAL_BATCH)):
            texts = ["\n\n".join(message["content"] for message in prompt) for _, prompt in batch]
            openings = [Opening(observation=t, info={}, seed=0, public={}) for t in texts]
            views = {i: View(observation=text, info={}) for i, text in enumerate(texts)}
            moves = self.agent.begin(openings, temperature=0.0).act(views)
            for i, (index, _) in enumerate(batch):
                said = moves[i].completion if i in moves else None
                if said is None:
                    yield index, "the game is too long for the judge's context"
                    continue
                yield (
                    index,
                    ChatReply(
                        text=said.text,
                        finish_reason=str(said.finish_reason),
                        prompt_tokens=len(said.prompt_ids),
                        completion_tokens=len(said.token_ids),
                    ),
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdicts:
    """What a judge said of some games, and what that took."""

    scores: tuple[float | None, ...]
    """0 to 1, a reward model's of any size; None for a game that has no score."""
    unparsable: int
    """Games whose reply names no score."""
    failed: int
    """Games to which there is no reply."""
    cached: int
    """Games whose reply was known."""
    prompt_tokens: int
    """Of the replies that were not."""
    completion_tokens: int
    cost: float
    """In the currency of the prices; 0 without prices."""

    @property
    def missing(self) -> int:
        """Games without a score."""
        return self.unparsable + self.failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """Scores games by a rubric; as a `Scorer`, those of a training step."""

    backend: Backend
    rubric: Rubric
    cache: ReplyCache
    price_in: float = 0.0
    """Of a million prompt tokens."""
    price_out: float = 0.0
    """Of a million completion tokens."""

    def __call__(self, groups: Sequence[EpisodeGroup]) -> Scores:
        """Judge every game that has turns and did not fail.

        Raises:
            ModelError: the judge cannot be reached, or refuses; nothing was judged.
        """
        games = [(p, g, e) for p, group in enumerate(groups) for g, e in enumerate(group.episodes)]
        sound = [(p, g, e) for p, g, e in games if e.turns and e.error is None]
        verdicts = self.judge([episode_transcript(e) for _, _, e in sound])
        values: list[list[float | None]] = [[None] * len(group.episodes) for group in groups]
        for (p, g, _), score in zip(sound, verdicts.scores, strict=True):
            values[p][g] = score
        return Scores(values_PG=values, metrics=_metrics(verdicts))

    def judge(self, transcripts: Sequence[str]) -> Verdicts:
        """Judge games by their transcripts; of equal ones only one is asked about.

        Raises:
            ModelError: the judge cannot be reached, or refuses; nothing was judged.
            RunError: the cache cannot be used.
        """
        prompts = [judge_messages(self.rubric, text) for text in transcripts]
        keys = [reply_key(self.backend.identity, prompt) for prompt in prompts]
        known = self.cache.get(keys)
        asked = {key: prompt for key, prompt in zip(keys, prompts, strict=True) if key not in known}
        fresh = self._ask(asked)
        replies = [known.get(key) or fresh.get(key) for key in keys]
        scores = tuple(None if r is None else self._score(r) for r in replies)
        failed = sum(reply is None for reply in replies)
        tokens_in = sum(reply.prompt_tokens for reply in fresh.values())
        tokens_out = sum(reply.completion_tokens for reply in fresh.values())
        return Verdicts(
            scores=scores,
            unparsable=scores.count(None) - failed,
            failed=failed,
            cached=sum(key in known for key in keys),
            prompt_tokens=tokens_in,
            completion_tokens=tokens_out,
            cost=(tokens_in * self.price_in + tokens_out * self.price_out) / 1e6,
        )

    def _ask(self, prompts: Mapping[str, Prompt]) -> dict[str, ChatReply]:
        """Ask and keep every reply as it comes in; raises where there is not a single one."""
        keys = list(prompts)
        replies: dict[str, ChatReply] = {}
        problem = ""
        for index, reply in self.backend.ask([prompts[key] for key in keys]):
            if isinstance(reply, str):
                problem = reply
            else:
                self.cache.put(keys[index], reply)
                replies[keys[index]] = reply
        if keys and not replies:
            raise ModelError(f"the judge answered none of {len(keys)} questions: {problem}")
        return replies

    def _score(self, reply: ChatReply) -> float | None:
        """The score; a reply that was cut is none, since its number may have been cut as well."""
        cut = reply.finish_reason == FinishReason.LENGTH
        return None if cut else parse_score(reply.text, self.rubric)


def load_judge(settings: JudgeSection, cache: Path, *, device: str = "auto") -> Judge:
    """The judge that settings describe; a local model is loaded now, a server is not asked yet.

    Args:
        settings: the `[judge]` section.
        cache: where replies are kept unless the settings say it.
        device: where a local model runs.

    Raises:
        ConfigError: no model is named, or the rubric or the address is wrong.
        ModelError: a local model cannot be loaded.
    """
    if not settings.model:
        raise ConfigError("the judge has no model: set judge.model (with judge.base_url, or local)")
    rubric = load_rubric(settings.rubric)
    return Judge(
        backend=_server(settings) if settings.base_url else _local(settings, device),
        rubric=rubric,
        cache=ReplyCache(Path(settings.cache).expanduser() if settings.cache else cache),
        price_in=settings.price_in,
        price_out=settings.price_out,
    )


def judge_scorers(config: TrainConfig, run: RunDir) -> list[WeightedScorer]:
    """The judge of a run, or none where its weight is 0; replies are kept in the run folder.

    Raises:
        ConfigError: the settings cannot work.
    """
    if not config.judge.weight:
        return []
    judge = load_judge(config.judge, run.path / CACHE_NAME, device=config.model.device)
    return [WeightedScorer(name="judge", weight=config.judge.weight, scorer=judge)]


def _server(settings: JudgeSection) -> ServerBackend:
    client = ApiClient(
        base_url=settings.base_url,
        model=settings.model,
        key_env=settings.key_env,
        timeout_s=settings.timeout_s,
        retries=settings.retries,
        request=settings.request,
    )
    return ServerBackend(
        client=client, max_tokens=settings.max_new_tokens, concurrency=settings.concurrency
    )


def _local(settings: JudgeSection, device: str) -> LocalBackend:
    from wordle_rl.agents.loading import load_language_agent

    agent = load_language_agent(
        settings.model, device=device, max_new_tokens=settings.max_new_tokens
    )
    return LocalBackend(agent=agent, fingerprint=agent.fingerprint)


def _metrics(verdicts: Verdicts) -> dict[str, float]:
    games = len(verdicts.scores)
    scores = [score for score in verdicts.scores if score is not None]
    metrics = {
        "rollout/judge_missing": verdicts.missing / games if games else 0.0,
        "rollout/judge_failed": verdicts.failed / games if games else 0.0,
        "rollout/judge_cached": verdicts.cached / games if games else 0.0,
        "rollout/judge_prompt_tokens": float(verdicts.prompt_tokens),
        "rollout/judge_completion_tokens": float(verdicts.completion_tokens),
        "rollout/judge_cost": verdicts.cost,
    }
    return metrics | ({"rollout/judge_score": sum(scores) / len(scores)} if scores else {})
