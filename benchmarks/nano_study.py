"""What makes a better nano: one thing changed at a time in a short imitation run of Wordle alone.

    python -m benchmarks.nano_study [--only plain,deep] [--out runs/study]
    python -m benchmarks.nano_study --table-only          # from runs that are there already

Each variant is a run folder, and one that was cut off goes on where it was. Models of another size
make as many updates as take about as long as 250 of nano's. What counts is greedy play on the
validation secrets; the divergence is from the teacher, in nats a token, over the last 25 updates.
The table goes into docs/nano.md.
"""

from __future__ import annotations

import resource
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import click
import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from wordle_rl.agents.device import keep_freed_memory
from wordle_rl.agents.language import LanguageAgent
from wordle_rl.agents.nano import CHAT_TEMPLATE, SPECIAL_TOKENS, new_model
from wordle_rl.config import PretrainConfig, to_toml
from wordle_rl.envs.words import load_words, split_of
from wordle_rl.run_dir import RunDir
from wordle_rl.training.session import new_nano, run_meta
from wordle_rl.training.sft import pretrain
from wordle_rl.training.teacher import Demonstration
from wordle_rl.training.teachers import Teacher, find_teacher
from wordle_rl.training.validation import chosen_suites, validator

PAGE = Path(__file__).resolve().parents[1] / "docs" / "nano.md"
BEGIN, END = "<!-- study: begin -->\n", "<!-- study: end -->"
"""Around the table."""
UPDATES = 250
PIECES = 1024
"""Tokens of the word-piece vocabulary."""


@dataclass(frozen=True, kw_only=True)
class Rewritten:
    """A teacher whose games are changed before they are shown."""

    teacher: Teacher
    rewrite: Callable[[np.random.Generator, list[Demonstration]], list[Demonstration]]

    def demonstrations(self, rng: np.random.Generator, count: int) -> list[Demonstration]:
        """`count` games; the same generator state gives the same games."""
        return self.rewrite(rng, self.teacher.demonstrations(rng, count))


def sampled_targets(rng: np.random.Generator, games: list[Demonstration]) -> list[Demonstration]:
    """The word that the teacher drew, without the distribution it drew it from."""
    return [replace(game, teacher_probs=()) for game in games]


def late_guesses(rng: np.random.Generator, games: list[Demonstration]) -> list[Demonstration]:
    """Guesses 1 and 2 are trained in a quarter of the games: they count a quarter."""
    counted = rng.random((len(games), 2)) < 0.25
    return [
        replace(
            game,
            trained=tuple(
                is_trained and (turn >= 2 or bool(early[turn]))
                for turn, is_trained in enumerate(game.trained)
            ),
        )
        for game, early in zip(games, counted, strict=True)
    ]


def with_spelling(rng: np.random.Generator, games: list[Demonstration]) -> list[Demonstration]:
    """One game in eight gives way to six legal words in a row, none of them held out."""
    words = [w for w in load_words("guesses", 5) if split_of(w) == "train" or w not in _ANSWERS]
    rows = rng.choice(words, (len(games) // 8, 6))
    return games[len(rows) :] + [
        Demonstration(
            secret="",
            opening="spell",
            actions=tuple(map(str, row)),
            observations=("",) * len(row),
            trained=(True,) * len(row),
        )
        for row in rows
    ]


_ANSWERS = frozenset(load_words("answers", 5))


def piece_tokenizer() -> PreTrainedTokenizerFast:
    """Byte pairs merged as they are frequent in the legal words; the feedback stays bytes."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=PIECES,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(load_words("guesses", 5), trainer)
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=backend,
        pad_token=SPECIAL_TOKENS[0],
        eos_token=SPECIAL_TOKENS[1],
        chat_template=CHAT_TEMPLATE,
        model_max_length=2048,
        clean_up_tokenization_spaces=False,
    )


def piece_nano(config: PretrainConfig) -> LanguageAgent:
    """A nano over word pieces."""
    tokenizer = piece_tokenizer()
    model = new_model(layers=config.layers, width=config.width, seed=config.seed)
    model.resize_token_embeddings(len(tokenizer))
    model.config.wordle_rl_style = "compact"
    return LanguageAgent(model, tokenizer, name="pieces", style="compact", max_new_tokens=12)


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One thing changed."""

    what: str
    updates: int = UPDATES
    settings: Mapping[str, Any] = field(default_factory=dict)
    rewrite: Callable[[np.random.Generator, list[Demonstration]], list[Demonstration]] | None = None
    make: Callable[[PretrainConfig], LanguageAgent] = new_nano
    same_games: bool = True
    """Whether its divergence can be compared with that of `plain`."""

    @property
    def config(self) -> PretrainConfig:
        """The settings of its run."""
        plain = {
            "env": "wordle",
            "steps": self.updates,
            "compile": True,
            "micro_batch_tokens": 2048,
            "checkpoint_every_steps": 25,
            "eval_every_steps": 0,
        }
        return PretrainConfig.model_validate(plain | dict(self.settings))


VARIANTS: Mapping[str, Variant] = {
    "plain": Variant(what="4 layers, width 256, bytes, soft targets, Muon"),
    "seed1": Variant(what="the same, seed 1", settings={"seed": 1}),
    "sampled": Variant(
        what="the word drawn as target, not the distribution",
        rewrite=sampled_targets,
        same_games=False,
    ),
    "pieces": Variant(
        what=f"the same over {PIECES} word pieces",
        rewrite=sampled_targets,
        make=piece_nano,
        same_games=False,
        updates=310,
    ),
    "shallow": Variant(what="2 layers", settings={"layers": 2}, updates=480),
    "deep": Variant(what="8 layers", settings={"layers": 8}, updates=125),
    "narrow": Variant(what="width 128", settings={"width": 128}, updates=480),
    "wide": Variant(what="width 384", settings={"width": 384}, updates=160),
    "adamw": Variant(what="AdamW 0.003 in place of Muon", settings={"muon_lr": 0.0}),
    "late": Variant(what="guesses 1 and 2 count a quarter", rewrite=late_guesses, same_games=False),
    "spelling": Variant(
        what="one game in eight is six words in a row", rewrite=with_spelling, same_games=False
    ),
}


def train(variant: Variant, folder: Path) -> None:
    """Run a variant, or what is left of it."""
    run, config = RunDir(folder), variant.config
    agent = variant.make(config)
    teacher = find_teacher(config)
    if variant.rewrite is not None:
        teacher = Rewritten(teacher=teacher, rewrite=variant.rewrite)
    if not run.exists():
        run.create(to_toml(config), run_meta())
    pretrain(
        agent,
        config,
        run,
        teacher=teacher,
        validate=validator(chosen_suites("wordle-val", "wordle", {}, "val")),
        on_step=lambda record: (
            click.echo(
                f"{folder.name} {record.step}: divergence {record.metrics['train/divergence']:.3f}"
            )
            if record.step % 25 == 0
            else None
        ),
    )


def table(out: Path) -> str:
    """Markdown: a line for each variant that has ended."""
    lines = [
        "| what | parameters | updates | seconds an update | greedy | score | divergence |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, variant in VARIANTS.items():
        run = RunDir(out / name)
        records = list(run.records()) if run.exists() else []
        if records and int(records[-1]["step"]) == variant.updates:
            lines.append(row(variant, records))
    return "\n".join(lines) + "\n"


def row(variant: Variant, records: Sequence[Mapping[str, float]]) -> str:
    """One line of the table."""
    last = records[-1]
    agent = variant.make(variant.config)
    divergence = statistics.mean(record["train/divergence"] for record in records[-25:])
    rate, low, high = (100 * last[f"eval/greedy_{key}"] for key in ("win_rate", "low", "high"))
    cells = [
        variant.what,
        f"{sum(p.numel() for p in agent.model.parameters()) / 1e6:.2f} M",
        str(variant.updates),
        f"{statistics.median(record['time/step_s'] for record in records):.1f}",
        f"{rate:.1f} % [{low:.1f}, {high:.1f}]",
        f"{last['eval/greedy_score']:.2f}",
        f"{divergence:.3f}" if variant.same_games else "-",
    ]
    return f"| {' | '.join(cells)} |"


@click.command()
@click.option("--only", default=",".join(VARIANTS), help="Default: all.")
@click.option("--out", default="runs/study", show_default=True, type=click.Path(path_type=Path))
@click.option("--table-only", is_flag=True, help="Train nothing.")
def main(only: str, out: Path, table_only: bool) -> None:
    """Train what is missing, print the table and put it into docs/nano.md."""
    keep_freed_memory()
    for name in [] if table_only else only.split(","):
        train(VARIANTS[name], out / name)
        seconds = resource.getrusage(resource.RUSAGE_SELF).ru_utime
        click.echo(f"{name} has ended; {seconds:.0f} s of processor so far")
    written = table(out)
    click.echo(written)
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}{written}{END}{rest.split(END)[1]}", encoding="utf-8")


if __name__ == "__main__":
    main()
