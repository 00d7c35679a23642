"""The records that cross module borders: what is played, what was said, what is trained.

    Task -> Turn* -> Episode -> EpisodeGroup -> Sample -> Batch
        -> LossInputs -> LossOutput -> StepRecord

Everything is frozen and keyword-only, and checked once at construction where that is cheap. Token
ids and log-probabilities made by the sampler travel with the record, so nothing is ever tokenised
twice. Axis suffixes: `_P` tasks, `_G` games of a group, `_B` rows, `_T` tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor


class FinishReason(StrEnum):
    """Why a completion ended."""

    STOP = "stop"
    """The model emitted a stop token."""
    LENGTH = "length"
    """`max_new_tokens` were sampled without a stop token."""


class StopReason(StrEnum):
    """Why an episode ended."""

    TERMINATED = "terminated"
    """The game is over: won, lost or out of guesses."""
    TRUNCATED = "truncated"
    """A limit outside the game was reached (turns, context length)."""
    ERROR = "error"
    """The game or the agent failed; `Episode.error` holds the line. A bad episode is data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What to play: one secret of one game. All games of a group share their task."""

    env_id: str
    task_id: str
    """Unique within a suite or a training step; groups are known by it."""
    seed: int
    """Seeds the environment; with `options` it fixes the secret."""
    split: str = "all"
    env_options: Mapping[str, Any] = field(default_factory=dict)
    """Arguments the environment is made with."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Handed to `env.reset(options=...)`, for example `{"secret": "crane"}`."""
    origin: str = "fresh"
    """Why it is played, where training chooses: `fresh`, `midgame` or `replayed`."""

    @property
    def secret(self) -> str:
        """What a result is filed under: the secret that `options` name, else the id."""
        return str(self.options.get("secret") or self.task_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """One sampled answer of a language model, with the exact tokens it was sampled in."""

    text: str
    prompt_ids: tuple[int, ...]
    """The whole context the first token was sampled in."""
    token_ids: tuple[int, ...]
    """The answer's tokens, a stop token included where there is one."""
    logprobs: tuple[float, ...]
    """log p of each sampled token under the sampling distribution (temperature applied), nats."""
    finish_reason: FinishReason
    sampled: tuple[bool, ...] = ()
    """False for tokens that were put there, as the end of a thought that ran too long: they are
    context and never trained. Empty where all were sampled."""

    def __post_init__(self) -> None:
        if len(self.token_ids) != len(self.logprobs):
            raise ValueError(f"{len(self.token_ids)} token_ids but {len(self.logprobs)} logprobs")
        if self.sampled and len(self.sampled) != len(self.token_ids):
            raise ValueError(f"{len(self.token_ids)} token_ids but {len(self.sampled)} sampled")

    @property
    def own_tokens(self) -> int:
        """How many tokens the model sampled itself."""
        return sum(self.sampled) if self.sampled else len(self.token_ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One observation, what was answered to it, and what the game made of the answer."""

    observation: str
    action: str
    reward: float
    reward_parts: Mapping[str, float]
    info: Mapping[str, Any]
    """The info the environment returned for this action."""
    completion: Completion | None = None
    """None when the agent is not a language model."""
    teacher_probs: NDArray[np.float32] | None = field(default=None, compare=False)
    """[n, A]: how likely a teacher was to say each symbol at each of the first n sampled tokens,
    given those before it (`training.symbols`); None without a teacher."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """One game from its first observation to its end."""

    task: Task
    turns: tuple[Turn, ...]
    """The agent's own."""
    final_observation: str
    terminated: bool
    truncated: bool
    stop_reason: StopReason
    policy_version: int = 0
    """The trainer step whose weights played; 0 outside training."""
    error: str | None = None
    opening: tuple[Turn, ...] = ()
    """Turns that were played before the agent moved, where the task begins in the middle."""
    opponent: tuple[tuple[str, str], ...] = ()
    """The other side of a game for two: what it saw and did, turn by turn."""

    @property
    def total_reward(self) -> float:
        """Undiscounted return."""
        return sum(turn.reward for turn in self.turns)

    @property
    def solved(self) -> bool:
        """Whether the game itself says it was won; never inferred from reward."""
        return bool(self.turns) and bool(self.turns[-1].info.get("solved", False))

    @property
    def drawn(self) -> bool:
        """Whether the game says that nobody won; False in games for one."""
        return bool(self.turns) and self.turns[-1].info.get("outcome") == "draw"


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeGroup:
    """G games of ONE task."""

    task: Task
    episodes: tuple[Episode, ...]

    def __post_init__(self) -> None:
        strangers = {e.task.task_id for e in self.episodes} - {self.task.task_id}
        if strangers:
            raise ValueError(f"group of task {self.task.task_id!r} holds episodes of {strangers}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One training row: a token sequence and what is trained in it. Four equal lengths T.

    Position t describes token t: `loss_mask[t]` is true where the model sampled it,
    `sampler_logprobs[t]` is its log-probability there (0 elsewhere), `advantages[t]` its advantage.
    Where a teacher is imitated, `teacher_probs[t]` is how likely it was to say each symbol there
    (`training.symbols`); a row of zeros says nothing.
    """

    token_ids: tuple[int, ...]
    loss_mask: tuple[bool, ...]
    sampler_logprobs: tuple[float, ...]
    advantages: tuple[float, ...]
    teacher_probs: NDArray[np.float32] | None = field(default=None, compare=False)
    """[T, A]; None without a teacher."""

    def __post_init__(self) -> None:
        lengths = {
            len(self.token_ids),
            len(self.loss_mask),
            len(self.sampler_logprobs),
            len(self.advantages),
        }
        if self.teacher_probs is not None:
            lengths.add(len(self.teacher_probs))
        if len(lengths) != 1:
            raise ValueError(f"a Sample needs equal lengths, got {sorted(lengths)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Padded samples. Tensors are [B, T] but for `teacher_probs`; row padding is on the right."""

    input_ids: Tensor
    attention_mask: Tensor
    loss_mask: Tensor
    sampler_logprobs: Tensor
    """As sampled."""
    old_logprobs: Tensor
    """The trainer's own, before the first update on this batch."""
    advantages: Tensor
    ref_logprobs: Tensor | None = None
    teacher_probs: Tensor | None = None
    """[B, T, A]: what a teacher would have said, as in `Sample`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LossInputs:
    """What a policy loss sees. Every tensor is [B, T]; only `loss_mask` positions count."""

    logprobs: Tensor
    old_logprobs: Tensor
    advantages: Tensor
    loss_mask: Tensor
    ref_logprobs: Tensor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LossOutput:
    """A scalar loss and the numbers to log beside it."""

    loss: Tensor
    metrics: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRecord:
    """One line of `metrics.jsonl`. Keys start with rollout/, train/, eval/ or time/."""

    step: int
    metrics: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a run ended."""

    step: int
    finished: bool
    """False when it was interrupted; it can be resumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A measured number with its 95 % interval. `value` is None where nothing was measured."""

    value: float | None
    low: float | None
    high: float | None


NOTHING = Estimate(value=None, low=None, high=None)
"""What is said of what was not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretRecord:
    """How one secret was played."""

    secret: str
    n: int
    wins: int
    score: float
    """Mean guesses, a loss counted as one more than the rules allow."""
    best_known: int | None
    """Guesses of the best known play; None where none is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayReport:
    """How one way of decoding did on a suite: R in the JSON result."""

    n: int
    """Games."""
    secrets: int
    win_rate: Estimate
    score: Estimate
    """Mean guesses with a loss counted as `max_guesses` + 1; lower is better."""
    mean_guesses: Estimate
    """Over wins only; None where there is no win."""
    histogram: Mapping[str, int]
    """Games by number of guesses; "lost" for the rest."""
    invalid_rate: float
    """Share of actions that the game refused."""
    invalid_by_kind: Mapping[str, float]
    repeat_rate: float
    consistency_rate: float
    """Share of legal guesses that fit all feedback so far."""
    draw_rate: Estimate
    """Of games for two: those that nobody won."""
    truncated_rate: float
    """Share of completions cut at `max_new_tokens`."""
    errors: int
    detectable: Mapping[str, float | None] = field(default_factory=dict)
    """For `win_rate` and `score`: the smallest difference from another result as uncertain as this
    one that a test at 5 % finds with a power of 80 %."""
    funnel: Mapping[str, Estimate] = field(default_factory=dict)
    """Of actions, those that were `parsed`, that were `legal`, that were `consistent` with all
    feedback; of games, those that were `won`."""
    bits_per_action: Estimate = NOTHING
    """What an action told of the secret, in bits; one that was refused told nothing."""
    regret: Estimate = NOTHING
    """The score minus the guesses of the best known play on the same secrets."""
    move_regret: Estimate = NOTHING
    """Guesses that an action gave away, against the best known one in its place, over the secrets
    possible by then; of actions with few enough of them left to search."""
    pass_at_k: Mapping[str, Estimate] = field(default_factory=dict)
    """k -> the chance that one of k games on a secret is won; where all had as many games."""
    hardest: tuple[SecretRecord, ...] = ()
    """The secrets that went worst."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvalReport:
    """An agent on a frozen suite: greedy, sampled, or both."""

    agent: str
    suite: str
    suite_hash: str
    greedy: PlayReport | None
    sampled: PlayReport | None
    protocol: Mapping[str, Any] = field(default_factory=dict)
    """How it was played: temperature and games a secret, seed, limit of guesses, prompt."""
