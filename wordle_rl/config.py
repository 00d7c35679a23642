"""Settings: frozen pydantic models, TOML presets, `section.key=value` overrides.

Unknown keys fail with the nearest known one. The string under a field is its help text.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import tomli_w
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from wordle_rl.errors import ConfigError, unknown_name


class Section(BaseModel):
    """A frozen group of settings that knows no others."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        protected_namespaces=(),
        allow_inf_nan=False,
    )


LoggerName = Literal["tensorboard", "wandb", "trackio"]


def _listed(value: Any) -> Any:
    """Names separated by commas as a list: `--set log.to=tensorboard,wandb`."""
    return [name.strip() for name in value.split(",")] if isinstance(value, str) else value


class LogSection(Section):
    """Experiment loggers beside metrics.jsonl."""

    to: Annotated[tuple[LoggerName, ...], BeforeValidator(_listed)] = ()
    """`tensorboard`, `wandb`, `trackio` or several; `pip install 'wordle-rl[wandb]'` and so on."""
    project: str = Field(default="wordle-rl", min_length=1)
    """The project of the run in W&B and trackio."""


class PretrainConfig(Section):
    """Imitation: a model learns from a teacher's games."""

    env: str = "wordle"
    """The game whose teacher is imitated; several as in `wordle=4,guess-number,math`."""
    options: dict[str, Any] = Field(default_factory=dict)
    """Arguments of the game; of several, a table for each, or a list of tables to vary."""
    model: str = "new"
    """`new` for a fresh nano, or a model folder to go on from."""
    style: Literal["auto", "compact", "chat"] = "auto"
    """How games speak to the model: one short line, or plain English; `auto` for its own way."""
    chat_template_kwargs: dict[str, Any] = Field(default_factory=dict)
    """Variables of the model's chat template, for example `{ enable_thinking = false }`."""
    lora_rank: int = Field(default=0, ge=0)
    """0 trains all weights; above 0 trains adapters of this rank, folded in when they are saved."""
    gradient_checkpointing: bool = False
    """Compute activations again in the backward pass: more time, far less memory."""
    layers: int = Field(default=4, ge=1)
    """Layers of a fresh nano."""
    width: int = Field(default=256, ge=32, multiple_of=32)
    """Hidden size of a fresh nano."""
    max_new_tokens: int = Field(default=12, ge=1)
    """Longest answer of a fresh nano; another model has its own."""
    seed: int = Field(default=0, ge=0)
    """Fixes the initial weights and every game."""
    steps: int = Field(default=600, ge=1)
    """Updates."""
    games_per_step: int = Field(default=256, ge=1)
    """Teacher games an update."""
    muon_lr: float = Field(default=0.02, ge=0)
    """Learning rate of the hidden matrices (Muon); 0 leaves them to AdamW."""
    adamw_lr: float = Field(default=3e-3, gt=0)
    """Learning rate of embeddings and vectors (AdamW)."""
    warmup_steps: int = Field(default=50, ge=0)
    """Updates until the full learning rate."""
    decay_from: float = Field(default=0.4, ge=0, le=1)
    """Share of the run after which the learning rate falls linearly to zero."""
    max_grad_norm: float = Field(default=1.0, gt=0)
    """Gradients are scaled down to this norm."""
    wide_share: float = Field(default=0.15, ge=0, le=1)
    """Share of games in which any legal word can be the secret, held-out words excepted."""
    outside_share: float = Field(default=0.5, ge=0, le=1)
    """Share of games whose secret is no answer while the teacher guesses answers that fit."""
    scattered_share: float = Field(default=0.5, ge=0, le=1)
    """Share of games that open with one to three random words, shown but not trained."""
    endgame_share: float = Field(default=0.0, ge=0, le=1)
    """Share of games that begin where five words or fewer are left; of the others, the shares."""
    players: dict[str, str] = Field(default_factory=dict)
    """Game -> the baseline to imitate in it, for example `{ guess-number = "solver" }`."""
    micro_batch_tokens: int = Field(default=4096, ge=1)
    """Padded tokens a forward pass; changes memory and speed, not the result."""
    eval_every_steps: int = Field(default=200, ge=0)
    """Play the validation secrets after so many updates; 0 for never."""
    checkpoint_every_steps: int = Field(default=100, ge=1)
    """Save after so many updates."""
    keep_checkpoints: int = Field(default=2, ge=1)
    """Older checkpoints are deleted, the best one never."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """What matrix products run in; weights stay in float32."""
    device: str = "auto"
    """`auto` (CUDA, else MPS, else CPU) or a torch device."""
    compile: bool = False
    """Fuse the training kernels (`torch.compile`): faster on long runs, a slow first step."""
    log: LogSection = LogSection()
    """Experiment loggers: `log.to`, `log.project`."""


class EnvSection(Section):
    """The game that is trained on."""

    id: str = "wordle"
    """A short name (see `wordle-rl envs`), a Gymnasium id, or `package.module:Class`; several as
    in `wordle=2,guess-number,math`."""
    reward: str = "binary"
    """The reward scheme: a name, or `package.module:function`."""
    rewards: dict[str, float | dict[str, Any]] = Field(default_factory=dict)
    """Functions to sum instead, with weights, for example `{ correct = 1.0, format = 0.1 }`."""
    split: Literal["train", "val", "test", "all"] = "train"
    """Which secrets are drawn; anything but `train` forfeits the held-out figures."""
    opponent: str = ""
    """In a game for two: `self`, `random`, `greedy`, `perfect`, an agent as `agent:NAME` (its best
    moves) or `sampled:NAME` (drawn at temperature 1), or `package.module:name`."""
    beliefs: bool = False
    """Have games tell what is still possible after each turn; algorithms that ask set it."""
    options: dict[str, Any] = Field(default_factory=dict)
    """Further arguments, for example `hard_mode = true`; of several games, a table for each."""


class ModelSection(Section):
    """The language model that learns."""

    path: str = "nano"
    """`nano`, a model or run folder, or a hub id."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """What matrix products run in; trained weights stay in float32."""
    device: str = "auto"
    """`auto` (CUDA, else MPS, else CPU) or a torch device."""
    max_new_tokens: int | None = Field(default=None, ge=1)
    """Longest answer in tokens, its thought included; unset for the model's own limit."""
    system: str = ""
    """A system message before every game; models without that role get it in the first message."""
    chat_template_kwargs: dict[str, Any] = Field(default_factory=dict)
    """Variables of the chat template, for example `{ enable_thinking = false }`."""
    think_tokens: int | None = Field(default=None, ge=0)
    """End a thought that is not over after so many tokens; unset for no limit of its own."""
    gradient_checkpointing: bool = False
    """Compute activations again in the backward pass: more time, far less memory."""
    cuda_graphs: bool = False
    """Record the decoding step of each answer and replay it (NVIDIA GPU)."""


class LoraSection(Section):
    """Low-rank adapters (PEFT) instead of full fine-tuning."""

    rank: int = Field(default=0, ge=0)
    """0 trains all weights; above 0 trains adapters of this rank on all linear layers."""
    alpha: int = Field(default=32, ge=1)
    """Adapter scale."""
    bits: Literal[4] | None = None
    """4 keeps the frozen weights in four bits (QLoRA, `pip install 'wordle-rl[qlora]'`)."""


class RolloutSection(Section):
    """How games are played during training."""

    tasks_per_step: int = Field(default=32, ge=1)
    """Different secrets a step."""
    group_size: int = Field(default=16, ge=2)
    """Games of each secret."""
    temperature: float | None = Field(default=None, gt=0)
    """Sampling temperature; unset for the algorithm's own (1 for most)."""
    max_turns: int = Field(default=64, ge=1)
    """A game that is still running then is cut off."""
    refill_rounds: int | None = Field(default=None, ge=0)
    """Most further rounds that replace groups whose games are all worth the same; unset for the
    algorithm's own (0 for most)."""
    pipelined: bool = False
    """Play the games of the next step while learning from this one's: they are one update old."""
    overlong_tokens: int = Field(default=0, ge=0)
    """The last so many tokens below the limit of an answer cost up to 1, growing linearly."""


class SamplerSection(Section):
    """Who samples the games that are trained on."""

    kind: Literal["local", "vllm"] = "local"
    """`local` decodes with the trained weights themselves, `vllm` hands them to vLLM each step."""
    base_url: str = ""
    """A running `vllm serve`, as `http://localhost:8000/v1`; empty runs vLLM in this process."""
    key_env: str = "VLLM_API_KEY"
    """The environment variable that holds the server's key."""
    folder: str = ""
    """Where weights for the server are written; empty for a temporary folder on this machine."""
    memory_share: float = Field(default=0.3, gt=0, lt=1)
    """Share of the device's memory that vLLM takes in this process, cache included."""
    options: dict[str, Any] = Field(default_factory=dict)
    """Further arguments of `vllm.LLM` in this process, for example `{ enforce_eager = true }`."""


class TasksSection(Section):
    """Which games are played during training: all of it is off by default."""

    midgame_share: float = Field(default=0.0, ge=0, le=1)
    """Share of the tasks that begin after one to four guesses that are not the model's own."""
    midgame_player: Literal["random", "random-consistent"] = "random"
    """Who makes these guesses: `random`, or `random-consistent`, which fits all feedback."""
    replay_share: float = Field(default=0.0, ge=0, le=1)
    """Share of the tasks that are played again because games of them were lost lately."""
    curriculum_start: int = Field(default=0, ge=0)
    """Secrets that are drawn from at first; 0 for all of them at once."""
    curriculum_win_rate: float = Field(default=0.6, gt=0, le=1)
    """Win rate on fresh tasks from which there are twice as many secrets."""


class TrainSection(Section):
    """The policy update."""

    steps: int = Field(default=200, ge=1)
    """Steps: play, update, repeat."""
    algo: str = "dr_grpo"
    """The algorithm (see `wordle-rl algos`)."""
    advantage: str | None = None
    """Another advantage than the algorithm's; a name, or `package.module:function`."""
    loss: str | None = None
    """Another policy loss than the algorithm's."""
    aggregation: str | None = None
    """Another aggregation than the algorithm's."""
    kl: str | None = None
    """Another estimate of the KL divergence than the algorithm's."""
    kl_placement: Literal["loss", "reward"] | None = None
    """Where the KL divergence is charged; unset for the algorithm's own."""
    correction: str | None = None
    """Weights for a sampler that differs from the trainer; unset for the algorithm's own, and with
    vLLM or `rollout.pipelined` for `truncated` where it has none."""
    gamma: float | None = Field(default=None, ge=0, le=1)
    """Discount of a turn, for advantages by turn: 0 credits a turn with its own reward alone; unset
    for the algorithm's own."""
    lr: float = Field(default=3e-4, gt=0)
    """Learning rate."""
    optimizer: Literal["adamw", "muon"] = "adamw"
    """Or Muon on the hidden matrices and AdamW, at 0.15 of the rate, on the rest."""
    warmup_steps: int = Field(default=5, ge=0)
    """Steps until the full learning rate; constant afterwards."""
    decay_from: float = Field(default=1.0, ge=0, le=1)
    """Share of the run after which the learning rate falls linearly to zero; 1 for never."""
    ema_decay: float = Field(default=0.0, ge=0, lt=1)
    """Validate, save and play an exponential moving average of the weights, of which each step
    keeps so much: 0.9 looks back over about ten steps; 0 for the weights as they are."""
    seed: int = Field(default=0, ge=0)
    """Fixes secrets and sampling."""
    updates_per_batch: int = Field(default=1, ge=1)
    """Optimiser steps on each batch of games; left out, the algorithm's own (1 for most)."""
    clip_low: float = Field(default=0.2, gt=0, lt=1)
    """The ratio is clipped below 1 - clip_low."""
    clip_high: float = Field(default=0.2, gt=0)
    """The ratio is clipped above 1 + clip_high."""
    kl_coef: float | None = Field(default=None, ge=0)
    """Weight of the KL divergence to the starting model; unset for the algorithm's own."""
    kl_target: float | None = Field(default=None, gt=0)
    """Steer `kl_coef` so that the divergence is so many nats a token; unset for a fixed weight."""
    max_kl: float = Field(default=0.01, gt=0)
    """How far a trust-region step may go: mean KL(old, new) in nats a token. Its square root, the
    length of a step, follows the schedule of the learning rate."""
    fisher_damping: float = Field(default=0.1, gt=0)
    """What a trust-region step adds to the Fisher matrix's diagonal: more of it, and the step turns
    from the natural gradient to the plain one. Contexts that a batch holds once move less."""
    critic_lr: float = Field(default=1e-3, gt=0)
    """Learning rate of the critic (AdamW), where the algorithm has one."""
    critic_updates: int = Field(default=10, ge=1)
    """Steps of the critic on each batch of games."""
    value_clip: float = Field(default=0.2, gt=0)
    """A value of the critic that has moved so far on one batch is pulled no further."""
    distill_coef: float = Field(default=0.0, ge=0)
    """Weight of the KL divergence from a teacher on the model's own states; 0 for no teacher."""
    teacher: str = "consistent"
    """Who that is: `consistent` (any answer that fits), `sharp` (the better of them), `solver`."""
    tokens_per_row: float = Field(default=32.0, gt=0)
    """The constant that stands for a game's length where the algorithm averages by one."""
    max_grad_norm: float = Field(default=1.0, gt=0)
    """Gradients are scaled down to this norm."""
    micro_batch_tokens: int = Field(default=8192, ge=1)
    """Padded tokens a forward pass; changes memory and speed, not the result."""
    shard: bool = False
    """Of several processes each holds its part of weights, gradients and optimiser (FSDP2)."""
    shuffle_advantages: bool = False
    """A control: shuffle advantages inside each group. Nothing should be learned."""


class PreferenceSection(Section):
    """Learning from pairs of answers: `train.algo` dpo, ipo or reward-model."""

    path: str = ""
    """JSON lines of preferences; empty compares the games that the policy just played."""
    batch_size: int = Field(default=32, ge=1)
    """Lines of that file a step."""
    beta: float = Field(default=0.1, gt=0)
    """How strongly the starting model holds the policy (dpo, ipo)."""
    label_smoothing: float = Field(default=0.0, ge=0, lt=0.5)
    """The share of pairs that are taken to be labelled the wrong way round (dpo)."""
    center: float = Field(default=0.01, ge=0)
    """Weight of (r_better + r_worse)^2, which keeps rewards near 0 (reward-model)."""
    held_out: float = Field(default=0.1, ge=0, lt=1)
    """Share of the file's groups that a reward model is measured on and not trained on."""


class RewardModelSection(Section):
    """A trained reward model that scores finished games, beside what the game itself pays."""

    path: str = ""
    """Its run or model folder (`train --algo reward-model`); empty for none."""
    weight: float = Field(default=1.0, gt=0)
    """A game's reward gets weight x score added; `env.rewards = { game = 0.0 }` takes the rest."""


class EvalSection(Section):
    """Validation during the run and the comparison at its end."""

    every_steps: int = Field(default=20, ge=0)
    """Play the validation suite, greedily, after so many steps; 0 for never."""
    suite: str = "auto"
    """What the best checkpoint is chosen on; `auto` for each game's validation secrets."""
    final_suite: str = "auto"
    """What the table at the end is measured on; `auto` for the test secrets, empty for none."""
    final_samples: int = Field(default=4, ge=0)
    """Sampled games a secret in that table, beside the greedy one."""
    batch_games: int = Field(default=0, ge=0)
    """Games of either that run together; 0 for as many as a step has, and 128 at least."""


class JudgeSection(Section):
    """A language model that scores finished games, beside what the game itself pays."""

    weight: float = Field(default=0.0, ge=0)
    """A game's reward gets weight x score added, scores being 0 to 1; 0 for no judge."""
    model: str = ""
    """The server's name for it; without a server `nano`, a model or run folder, or a hub id."""
    base_url: str = ""
    """An OpenAI-compatible server, as `http://localhost:8000/v1`; empty runs the model here."""
    key_env: str = "OPENAI_API_KEY"
    """The environment variable that holds the server's key."""
    rubric: str = "play"
    """What is graded: a packaged rubric, or a .toml, .md or .txt file."""
    max_new_tokens: int = Field(default=512, ge=1)
    """Longest reply; one that is cut has no score."""
    request: dict[str, Any] = Field(default_factory=dict)
    """Further fields of a request to the server, for example `reasoning_effort = "low"`."""
    concurrency: int = Field(default=8, ge=1)
    """Requests under way at once."""
    timeout_s: float = Field(default=60.0, gt=0)
    """Longest silence of the server."""
    retries: int = Field(default=4, ge=0)
    """Further attempts where a request fails."""
    cache: str = ""
    """A file of replies to share between runs; empty for one in the run folder."""
    price_in: float = Field(default=0.0, ge=0)
    """Price of a million prompt tokens, for the cost that is logged."""
    price_out: float = Field(default=0.0, ge=0)
    """Price of a million completion tokens."""


class SaveSection(Section):
    """What is kept on disk."""

    checkpoint_every_steps: int = Field(default=20, ge=1)
    """Save after so many steps."""
    keep_checkpoints: int = Field(default=2, ge=1)
    """Older ones are deleted, the best by validation never."""
    games_every_steps: int = Field(default=20, ge=1)
    """Write whole games as text after so many steps."""


class TrainConfig(Section):
    """Everything that fixes a training run."""

    env: EnvSection = EnvSection()
    model: ModelSection = ModelSection()
    lora: LoraSection = LoraSection()
    rollout: RolloutSection = RolloutSection()
    sampler: SamplerSection = SamplerSection()
    tasks: TasksSection = TasksSection()
    train: TrainSection = TrainSection()
    preference: PreferenceSection = PreferenceSection()
    judge: JudgeSection = JudgeSection()
    reward_model: RewardModelSection = RewardModelSection()
    eval: EvalSection = EvalSection()
    save: SaveSection = SaveSection()
    log: LogSection = LogSection()


C = TypeVar("C", bound=Section)


def parse(cls: type[C], values: Mapping[str, Any]) -> C:
    """Build a config; every mistake becomes one line.

    Raises:
        ConfigError: for an unknown key (naming the nearest) or a value out of range.
    """
    try:
        return cls.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            section = _section_at(cls, first["loc"][:-1])
            prefix = "".join(f"{part}." for part in first["loc"][:-1])
            known = [prefix + name for name in section.model_fields]
            raise unknown_name("setting", where, known) from None
        raise ConfigError(f"setting {where}={first['input']!r}: {first['msg']}") from None


FORM = {"--set": "section.key=value", "--option": "key=value", "--api": "key=value"}
"""Flags that set values, and how they are written."""


def apply_overrides(
    values: Mapping[str, Any], overrides: Iterable[str], *, flag: str = "--set"
) -> dict[str, Any]:
    """Apply `section.key=value` strings of a flag; a value is read as TOML, else taken as text.

    >>> apply_overrides({"train": {"lr": 1.0}}, ["train.lr=3e-4", "env.id=wordle"])
    {'train': {'lr': 0.0003}, 'env': {'id': 'wordle'}}
    """
    result = _deep_copy(values)
    for item in overrides:
        key, found, text = item.partition("=")
        *sections, name = key.strip().split(".")
        if not found or not all((*sections, name)):
            raise ConfigError(f"{flag} {item!r}: write it as {FORM[flag]}")
        target = result
        for section in sections:
            target = target.setdefault(section, {})
            if not isinstance(target, dict):
                raise ConfigError(f"{flag} {item!r}: {section!r} is a value, not a section")
        target[name] = _toml_value(text.strip())
    return result


def to_toml(config: Section) -> str:
    """The resolved settings as TOML; unset ones are left out."""
    return tomli_w.dumps(config.model_dump(mode="json", exclude_none=True))


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises:
        ConfigError: if it is missing or not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"no such file: {str(path)!r}") from None
    except OSError as error:
        raise ConfigError(f"{str(path)!r} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{str(path)!r} is not valid TOML: {error}") from None


PresetKind = Literal["presets", "recipes"]
"""Folders of packaged settings: of `train`, and of `pretrain`."""


def preset_names(kind: PresetKind = "presets") -> dict[str, str]:
    """The packaged settings of a kind and the first comment line of each."""
    folder = files("wordle_rl.training") / kind
    found = sorted((p for p in folder.iterdir() if p.name.endswith(".toml")), key=lambda p: p.name)
    return {
        p.name.removesuffix(".toml"): p.read_text(encoding="utf-8").splitlines()[0].lstrip("# ")
        for p in found
    }


def read_preset(name: str, kind: PresetKind = "presets") -> dict[str, Any]:
    """The values of packaged settings, or of a `.toml` file of the user's own.

    Raises:
        ConfigError: if there are no such settings; the message names the nearest.
    """
    if name.endswith(".toml"):
        return read_toml(Path(name))
    if name not in preset_names(kind):
        raise unknown_name("preset", name, preset_names(kind))
    return tomllib.loads(
        (files("wordle_rl.training") / kind / f"{name}.toml").read_text(encoding="utf-8")
    )


def _toml_value(text: str) -> Any:
    try:
        read = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    return read["value"] if len(read) == 1 else text


def _deep_copy(values: Mapping[str, Any]) -> dict[str, Any]:
    return {k: _deep_copy(v) if isinstance(v, Mapping) else v for k, v in values.items()}


def _section_at(cls: type[Section], location: tuple[int | str, ...]) -> type[Section]:
    for part in location:
        annotation = cls.model_fields[str(part)].annotation
        assert isinstance(annotation, type)
        assert issubclass(annotation, Section)
        cls = annotation
    return cls
