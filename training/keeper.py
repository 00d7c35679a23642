"""The checkpoints of a run: go back to the newest, write new ones, keep the best by validation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from torch import nn
from torch.optim import Optimizer
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from wordle_rl.run_dir import RunDir
from wordle_rl.training.checkpoint import load_checkpoint, prune, save_checkpoint
from wordle_rl.training.processes import world


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeper:
    """Saves and restores what a run trains."""

    run: RunDir
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    optimizers: Sequence[Optimizer]
    keep: int
    """How many of the newest checkpoints stay; the best one always does."""
    modules: Mapping[str, nn.Module] = field(default_factory=dict)
    """What is trained beside the model, by the name of its file: a critic, a reward head."""

    def resume(self) -> int:
        """Go back to the newest checkpoint; logs after it are cut off. Returns its step, else 0.

        Raises:
            CheckpointError: it is damaged.
        """
        step = 0
        if (latest := self.run.latest_checkpoint()) is not None:
            state = load_checkpoint(
                latest, model=self.model, optimizers=self.optimizers, modules=self.modules
            )
            step = int(state["step"])
        self.run.cut_logs(step)
        return world().from_first(lambda: step)  # nobody reads logs that are not cut yet

    def save(self, step: int, best: int | None) -> None:
        """Write a checkpoint, note the best one, delete old ones."""
        save_checkpoint(
            self.run.checkpoints / f"step-{step}",
            model=self.model,
            tokenizer=self.tokenizer,
            optimizers=self.optimizers,
            modules=self.modules,
            state={"step": step},
            writes=self.run.writes,
        )
        if not self.run.writes:
            return
        if best is not None:
            self.run.mark_best(best)
        protected = [] if best is None else [self.run.checkpoints / f"step-{best}"]
        prune(self.run.checkpoints, self.keep, protected)


def best_step(history: Sequence[Mapping[str, float]]) -> int | None:
    """The validated step with the highest win rate, then the lowest score, then the first.

    A game without a score (guesses, a loss counted as one more) is compared by win rate alone.
    """
    validated = [r for r in history if "eval/greedy_win_rate" in r]
    if not validated:
        return None
    best = max(
        validated,
        key=lambda r: (r["eval/greedy_win_rate"], -r.get("eval/greedy_score", 0.0), -r["step"]),
    )
    return int(best["step"])
