"""Several runs, one comparison: which runs an experiment has, and what each is told.

    settings x values to vary x seeds -> PlannedRun -> `experiment_runs` -> `experiment_report`

Every combination of the varied values is a variant, and every variant is trained with each seed.
A run is an ordinary run folder under the experiment's own. Variants are compared on validation
secrets: choosing between them must not open the test secrets.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from wordle_rl.config import (
    Section,
    TrainConfig,
    apply_overrides,
    parse,
    read_preset,
    read_toml,
)
from wordle_rl.errors import ConfigError, RunError
from wordle_rl.run_dir import RunDir
from wordle_rl.training.algorithms import fill_defaults

SEED = "train.seed"


class ExperimentConfig(Section):
    """What an experiment's TOML file holds."""

    preset: str = "default"
    """What every run starts from: a preset or a .toml file."""
    settings: dict[str, Any] = Field(default_factory=dict)
    """Changes to it for all runs, in sections as in a preset."""
    vary: dict[str, list[Any]] = Field(default_factory=dict)
    """Setting -> its values, for example `"train.algo" = ["dr_grpo", "grpo"]`. The first variant
    is what the others are compared with."""
    seeds: int = Field(default=1, ge=1)
    """Runs of each variant; they differ in `train.seed`."""
    at_once: int = Field(default=1, ge=1)
    """Most runs that train at the same time."""
    suite: str = "auto"
    """What the variants are compared on; `auto` for the secrets of `split` of each game."""
    split: Literal["train", "val", "test"] = "val"
    """Which secrets `auto` takes. Open `test` once, for figures that are published."""
    samples: int = Field(default=4, ge=0)
    """Sampled games a secret, beside the greedy one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRun:
    """One run of an experiment."""

    variant: str
    """What it varies, as `algo=grpo`."""
    seed: int
    config: TrainConfig
    run: RunDir

    @property
    def name(self) -> str:
        """The name of its folder."""
        return self.run.path.name

    @property
    def step(self) -> int:
        """Steps that are logged."""
        return max((int(record["step"]) for record in self.run.records()), default=0)

    @property
    def is_finished(self) -> bool:
        """Whether nothing is left to train."""
        return self.step >= self.config.train.steps and self.run.latest_checkpoint() is not None


def plan_runs(experiment: ExperimentConfig, folder: Path) -> tuple[PlannedRun, ...]:
    """The runs of an experiment, variant by variant.

    Raises:
        ConfigError: a setting or value is wrong, or two variants are the same.
        RunError: a folder holds a run with other settings.
    """
    if SEED in experiment.vary:
        raise ConfigError(f"vary {SEED}: leave it out and ask for seeds instead")
    base = merged(read_preset(experiment.preset), experiment.settings)
    planned: list[PlannedRun] = []
    for values in _combinations(experiment.vary):
        changes = [f"{key}={json.dumps(v, ensure_ascii=False)}" for key, v in values.items()]
        given = apply_overrides(base, [*changes, "eval.final_suite=''"])
        config = fill_defaults(parse(TrainConfig, given))
        label = variant_name(values)
        for seed in range(config.train.seed, config.train.seed + experiment.seeds):
            seeded = config.train.model_copy(update={"seed": seed})
            planned.append(
                PlannedRun(
                    variant=label,
                    seed=seed,
                    config=config.model_copy(update={"train": seeded}),
                    run=RunDir(folder / _folder_name(label, seed)),
                )
            )
    if len({run.run.path for run in planned}) < len(planned):
        raise ConfigError("vary: two variants have the same name, leave one of the values out")
    for run in planned:
        _check_settings(run)
    return tuple(planned)


def variant_name(values: Mapping[str, Any]) -> str:
    """What a variant is called: short keys, long ones where those would be alike.

    >>> variant_name({"train.algo": "grpo", "train.lr": 1e-4}), variant_name({})
    ('algo=grpo lr=0.0001', 'base')
    """
    short = {key: key.rpartition(".")[2] for key in values}
    is_clear = len(set(short.values())) == len(short)
    names = short if is_clear else {key: key for key in values}
    return " ".join(f"{names[key]}={value}" for key, value in values.items()) or "base"


def read_variations(flags: Iterable[str]) -> dict[str, list[Any]]:
    """`--vary` flags as a table of values; a value is read as TOML, else taken as text.

    Raises:
        ConfigError: a flag has no key or no value.

    >>> read_variations(["train.algo=dr_grpo,grpo", "train.lr=1e-4,3e-4"])
    {'train.algo': ['dr_grpo', 'grpo'], 'train.lr': [0.0001, 0.0003]}
    """
    found: dict[str, list[Any]] = {}
    for flag in flags:
        key, _, text = flag.partition("=")
        pieces = [piece.strip() for piece in text.split(",")]
        if not key.strip() or not all(pieces):
            raise ConfigError(f"--vary {flag!r}: write it as section.key=value,value")
        values = [apply_overrides({}, [f"value={piece}"])["value"] for piece in pieces]
        found[key.strip()] = values
    return found


def merged(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with changes, section by section.

    >>> merged({"train": {"lr": 1.0, "steps": 5}}, {"train": {"lr": 2.0}})
    {'train': {'lr': 2.0, 'steps': 5}}
    """
    result = dict(values)
    for key, value in changes.items():
        old = result.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            value = merged(old, value)
        result[key] = value
    return result


def _combinations(vary: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    for key, values in vary.items():
        if not values:
            raise ConfigError(f"vary {key}: it has no values, give one or more")
    return [dict(zip(vary, values, strict=True)) for values in product(*vary.values())]


def _folder_name(label: str, seed: int) -> str:
    kept = "".join(c if c.isalnum() or c in "=.-_" else "_" for c in label)
    return f"{kept}-seed-{seed}"


def _check_settings(planned: PlannedRun) -> None:
    """What a folder holds must be this run; else its numbers would be filed under a wrong name."""
    if not planned.run.exists():
        return
    held = parse(TrainConfig, read_toml(planned.run.config)).model_dump()
    wanted = planned.config.model_dump()
    for section, values in wanted.items():
        for key, value in values.items():
            if held[section][key] != value:
                raise RunError(
                    f"run {str(planned.run.path)!r} has {section}.{key}={held[section][key]!r}, "
                    f"the experiment {value!r}: use another --out, or delete the run"
                )
