"""How a reward model is trained and measured: Bradley-Terry on a file of preferences.

In: a reward model whose head is new, a file. Out: a run folder whose checkpoints are reward models.
Groups (secrets) of the file that are held out say how often it orders a pair as it was ranked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import nn

from wordle_rl.config import TrainConfig
from wordle_rl.errors import ConfigError
from wordle_rl.evaluation.statistics import ratio_interval
from wordle_rl.records import Outcome
from wordle_rl.run_dir import RunDir
from wordle_rl.training.optim import policy_optimizers
from wordle_rl.training.pair_methods import pair_loss
from wordle_rl.training.pair_source import shuffled
from wordle_rl.training.pair_trainer import pair_loop
from wordle_rl.training.pair_update import PairUpdater, accuracy
from wordle_rl.training.preference_rows import pair_indices
from wordle_rl.training.preferences import Ranking
from wordle_rl.training.reward_model import HEAD_NAME, RewardModel
from wordle_rl.training.trainer import Display


def train_reward_model(
    model: RewardModel,
    rankings: Sequence[Ranking],
    config: TrainConfig,
    run: RunDir,
    *,
    display: Display,
    interrupted: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Train `model` in place; goes on from the run's newest checkpoint where there is one.

    Args:
        model: trunk and head.
        rankings: of which `preference.held_out` is kept for measuring.
        config: complete settings (`pair_methods.complete_pairs`).
        run: where metrics and checkpoints go.
        display: sees every record.
        interrupted: asked after every step; true saves and returns.

    Raises:
        ConfigError: all rankings are held out.
    """
    trained, held_out = split_rankings(rankings, config)
    both = nn.ModuleList([model.agent.model, model.head])
    update = PairUpdater(
        agent=model.agent,
        model=both,
        optimizers=policy_optimizers(
            model.agent.model,
            config.train.optimizer,
            config.train.lr,
            head=model.head.parameters(),
        ),
        score=model.rewards,
        loss=pair_loss(config),
        settings=config.train,
    )
    return pair_loop(
        update,
        shuffled([model.read_ranking(ranking) for ranking in trained], config),
        config,
        run,
        display=display,
        measure=(lambda: held_out_accuracy(model, held_out)) if held_out else None,
        best=best_accuracy,
        interrupted=interrupted,
        modules={HEAD_NAME: model.head},
    )


def split_rankings(
    rankings: Sequence[Ranking], config: TrainConfig
) -> tuple[list[Ranking], list[Ranking]]:
    """Those to train on and those to measure on; a group is whole on one side.

    Raises:
        ConfigError: nothing is left to train on.
    """
    share = config.preference.held_out
    trained = [r for r in rankings if not r.is_held_out(share)]
    if not trained:
        raise ConfigError(
            f"preferences {config.preference.path!r}: all of its {len(rankings)} rankings are held "
            "out: lower preference.held_out"
        )
    return trained, [r for r in rankings if r.is_held_out(share)]


def held_out_accuracy(model: RewardModel, rankings: Sequence[Ranking]) -> dict[str, float]:
    """The share of pairs that the model orders as they were ranked, a tie being half.

    The interval is a bootstrap over groups, since pairs of one secret are alike.
    """
    ranked = [model.read_ranking(ranking) for ranking in rankings]
    scores = torch.tensor(model.rate([row for r in ranked for (row,) in r.rows_G]))
    better, worse = pair_indices(ranked)
    owners = [r.cluster for r in rankings for _ in r.responses]
    right: dict[str, float] = dict.fromkeys(owners, 0.0)
    pairs: Counter[str] = Counter()
    for i, correct in zip(better.tolist(), accuracy(scores[better], scores[worse]), strict=True):
        right[owners[i]] += float(correct)
        pairs[owners[i]] += 1
    rate = ratio_interval([right[name] for name in pairs], list(pairs.values()))
    interval = {"": rate.value, "_low": rate.low, "_high": rate.high}
    return {
        **{
            f"eval/pair_accuracy{end}": value
            for end, value in interval.items()
            if value is not None
        },
        "eval/pairs": float(len(better)),
        "eval/pair_groups": float(len(pairs)),
    }


def best_accuracy(history: Sequence[Mapping[str, float]]) -> int | None:
    """The step that ordered most held-out pairs as they were ranked, the first of equals."""
    measured = [row for row in history if "eval/pair_accuracy" in row]
    best = max(measured, key=lambda row: (row["eval/pair_accuracy"], -row["step"]), default=None)
    return None if best is None else int(best["step"])
