"""Imitation: the loss falls, only the teacher's answers are trained, and a stop changes nothing."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.families import save_family
from tests.ten_words import WORDS, same, tiny_agent, weights
from wordle_rl.agents.halves import recomputes
from wordle_rl.agents.language import LanguageAgent
from wordle_rl.agents.logprobs import score_tokens
from wordle_rl.config import PretrainConfig
from wordle_rl.records import Outcome, StepRecord
from wordle_rl.run_dir import RunDir, model_of_run
from wordle_rl.training import teacher
from wordle_rl.training.batch import collate, symbol_ids
from wordle_rl.training.session import load_student, new_nano
from wordle_rl.training.sft import pretrain, teacher_samples
from wordle_rl.training.teacher import WordleTeacher

Row = dict[str, Any]


@pytest.fixture(autouse=True)
def ten_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """The teacher knows ten words, so its table of patterns is small."""
    monkeypatch.setattr(teacher, "load_words", lambda kind, length: WORDS)


def settings(**changes: Any) -> PretrainConfig:
    values = {
        "steps": 4,
        "games_per_step": 8,
        "warmup_steps": 2,
        "checkpoint_every_steps": 2,
        "eval_every_steps": 0,
        "dtype": "float32",
    }
    return PretrainConfig(**{**values, **changes})


def run_in(
    folder: Path,
    config: PretrainConfig,
    *,
    agent: LanguageAgent | None = None,
    stop_after: int | None = None,
) -> Outcome:
    folder.mkdir(exist_ok=True)
    seen: list[StepRecord] = []
    return pretrain(
        agent or tiny_agent(),
        config,
        RunDir(folder),
        on_step=seen.append,
        interrupted=lambda: len(seen) == stop_after,
    )


def logged(folder: Path) -> list[Row]:
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in row.items() if not k.startswith("time/")} for row in rows]


def test_the_loss_falls(tmp_path: Path) -> None:
    """From that of a guess among all bytes towards that of ten words."""
    run_in(tmp_path, settings(steps=40, checkpoint_every_steps=40))
    losses = [row["train/loss"] for row in logged(tmp_path)]
    assert losses[0] == pytest.approx(5.56, abs=0.1)  # log 261
    assert losses[-1] < 3.0


def test_the_loss_is_the_mean_over_the_teachers_answers(tmp_path: Path) -> None:
    """Neither feedback nor the words of a scattered opening count."""
    agent, config = tiny_agent(), settings(steps=1, scattered_share=0.5)
    source = WordleTeacher(wide_share=config.wide_share, scattered_share=0.5)
    samples = teacher_samples(agent.chat, source, agent.stop_ids[0], config, 0)
    batch = collate(samples, agent.pad_id)
    with torch.no_grad():
        symbols = symbol_ids(agent.chat, agent.stop_ids[0])
        scores = score_tokens(
            agent.model,
            batch.input_ids,
            batch.loss_mask,
            teacher_probs=batch.teacher_probs,
            symbol_ids=symbols,
        )
    assert batch.teacher_probs is not None
    taught = batch.teacher_probs.sum(-1)[batch.loss_mask]
    assert torch.allclose(taught, torch.ones_like(taught)), "its whole distribution is the target"
    expected = -scores.expected[batch.loss_mask].mean().item()
    run_in(tmp_path, config, agent=agent)
    (row,) = logged(tmp_path)
    assert row["train/loss"] == pytest.approx(expected, rel=1e-4)
    assert row["train/tokens"] == batch.loss_mask.sum().item()
    assert row["train/games"] == 8.0


def test_micro_batches_change_nothing_but_rounding(tmp_path: Path) -> None:
    rows = []
    for tokens in (1, 100_000):
        folder = tmp_path / str(tokens)
        run_in(folder, settings(steps=1, micro_batch_tokens=tokens))
        rows.append(logged(folder)[0])
    assert rows[0] == pytest.approx(rows[1], rel=1e-4)


def test_a_resumed_run_logs_what_the_unbroken_one_does(tmp_path: Path) -> None:
    unbroken, stopped = tmp_path / "unbroken", tmp_path / "stopped"
    whole, resumed = tiny_agent(), tiny_agent()
    run_in(unbroken, settings(), agent=whole)
    assert run_in(stopped, settings(), stop_after=3) == Outcome(step=3, finished=False)
    assert run_in(stopped, settings(), agent=resumed) == Outcome(step=4, finished=True)
    assert logged(stopped) == logged(unbroken)
    assert same(weights(resumed), weights(whole))


def test_a_run_that_died_goes_on_from_its_last_checkpoint(tmp_path: Path) -> None:
    unbroken, died = tmp_path / "unbroken", tmp_path / "died"
    run_in(unbroken, settings())
    died.mkdir()

    def die(record: StepRecord) -> None:
        if record.step == 3:
            raise RuntimeError("the end of the process")

    with pytest.raises(RuntimeError):
        pretrain(tiny_agent(), settings(), RunDir(died), on_step=die)
    assert [row["step"] for row in logged(died)] == [1, 2, 3]
    run_in(died, settings())
    assert logged(died) == logged(unbroken)


def test_validation_comes_every_so_often_and_at_the_end(tmp_path: Path) -> None:
    run = RunDir(tmp_path)
    pretrain(
        tiny_agent(),
        settings(steps=5, eval_every_steps=2),
        run,
        validate=lambda agent: {"eval/greedy_win_rate": 0.5},
    )
    assert [r["step"] for r in run.records() if "eval/greedy_win_rate" in r] == [2, 4, 5]
    assert sorted(p.name for p in run.checkpoints.iterdir()) == ["step-2", "step-4", "step-5"]


def test_the_best_checkpoint_is_kept_and_stands_for_the_run(tmp_path: Path) -> None:
    run, rates = RunDir(tmp_path), iter([0.1, 0.7, 0.3, 0.2])
    pretrain(
        tiny_agent(),
        settings(steps=4, eval_every_steps=1, keep_checkpoints=1),
        run,
        validate=lambda agent: {"eval/greedy_win_rate": next(rates)},
    )
    assert sorted(p.name for p in run.checkpoints.iterdir()) == ["step-2", "step-4"]
    assert model_of_run(tmp_path).name == "step-2"


def test_activations_computed_again_change_nothing(tmp_path: Path) -> None:
    folder = str(save_family("qwen2.5", tmp_path / "model"))
    for again in (False, True):
        config = settings(
            model=folder, style="compact", device="cpu", steps=2, gradient_checkpointing=again
        )
        agent = load_student(config)
        assert recomputes(agent.model) is again
        run_in(tmp_path / str(again), config, agent=agent)
    kept, computed = (logged(tmp_path / name) for name in ("False", "True"))
    for one, other in zip(kept, computed, strict=True):
        assert other == pytest.approx(one, rel=1e-4)
        assert one["train/grad_norm"] > 0.1
    assert recomputes(new_nano(settings(gradient_checkpointing=True)).model)
