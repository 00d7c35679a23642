"""A run from start to end through the Python API; the command line's side is in test_cli_train."""

import json
import os
import signal
import threading
import time
from io import StringIO
from pathlib import Path

import pytest
import torch
from rich.console import Console

from tests.ten_words import WORDS, taught_agent, ten_word_config
from wordle_rl.config import PretrainConfig, TrainConfig
from wordle_rl.errors import ConfigError, RunError
from wordle_rl.evaluation.suites import Suite, load_suite
from wordle_rl.run_dir import RunDir
from wordle_rl.training import validation
from wordle_rl.training.comparison import comparisons_json
from wordle_rl.training.session import (
    catch_interrupt,
    new_nano,
    open_run,
    run_meta,
    run_training,
)
from wordle_rl.training.validation import validator


def few(name: str) -> Suite:
    return load_suite(name).subset(4)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    taught_agent().save(tmp_path / "model")
    return tmp_path / "model"


def config_for(model: Path, *overrides: str) -> TrainConfig:
    return ten_word_config(f'model.path="{model}"', "train.steps=2", *overrides)


def silent() -> Console:
    return Console(file=StringIO(), width=200)


def test_before_is_the_starting_model_and_after_the_best_checkpoint(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a learning rate of nothing both play the same games."""
    monkeypatch.setattr(validation, "load_suite", few)
    console = silent()
    run = RunDir(tmp_path / "run")
    config = config_for(
        model, "train.lr=1e-30", "eval.final_suite=wordle-val", "eval.final_samples=2"
    )
    result = run_training(config, run, console=console)
    assert result.outcome.finished
    [comparison] = result.comparisons
    before, after = comparison.before, comparison.after
    assert before.suite_hash == after.suite_hash == few("wordle-val").suite_hash
    assert (before.agent, after.agent) == (str(model), str(run.path / "checkpoints" / "step-2"))
    assert before.greedy == after.greedy
    assert before.sampled == after.sampled
    assert before.sampled is not None
    assert before.sampled.n == 8
    for gain in comparison.gain.values():
        assert gain.win_rate.value == gain.score.value == 0.0
    saved = json.loads((run.evaluations / "comparison.json").read_text(encoding="utf-8"))
    assert saved == json.loads(json.dumps(comparisons_json(result.comparisons)))
    assert isinstance(console.file, StringIO)
    shown = console.file.getvalue()
    assert "Before and after on wordle-val[4] (4 secrets)" in shown
    assert f"learning curve: {run.curve}" in shown


def test_validation_is_greedy_and_chooses_the_best_checkpoint(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(validation, "load_suite", few)
    run = RunDir(tmp_path / "run")
    run_training(
        config_for(model, "eval.every_steps=1", "eval.suite=wordle-val"), run, console=silent()
    )
    keys = {f"eval/greedy_{name}" for name in ("win_rate", "low", "high", "score")}
    for row in run.records():
        assert keys <= row.keys()
        assert 0 <= row["eval/greedy_low"] <= row["eval/greedy_win_rate"]
        assert row["eval/greedy_win_rate"] <= row["eval/greedy_high"] <= 1
    assert (run.path / "best.json").is_file()


def test_validating_does_not_disturb_the_run(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(validation, "load_suite", few)
    rows = []
    for every in (0, 1):
        run = RunDir(tmp_path / str(every))
        config = config_for(model, f"eval.every_steps={every}", "eval.suite=wordle-val")
        run_training(config, run, console=silent())
        rows.append(
            [
                {k: v for k, v in row.items() if not k.startswith(("time/", "eval/"))}
                for row in run.records()
            ]
        )
    assert rows[0] == rows[1]


def test_validating_twice_gives_the_same_numbers() -> None:
    validate = validator([few("wordle-val")])
    assert validate is not None
    assert validate(taught_agent()) == validate(taught_agent())


def test_a_run_is_resumed_with_its_thread_count(model: Path, tmp_path: Path) -> None:
    run = RunDir(tmp_path / "run")
    config = config_for(model)
    run_training(config, run, console=silent())
    meta = run.path / "meta.json"
    told = json.loads(meta.read_text(encoding="utf-8"))
    assert told["threads"] == torch.get_num_threads() == 1
    meta.write_text(json.dumps({**told, "threads": 2}), encoding="utf-8")
    try:
        run_training(config, run, resume=True, console=silent())
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)


def test_what_cannot_work_is_found_before_anything_is_written(model: Path, tmp_path: Path) -> None:
    run = RunDir(tmp_path / "run")
    for wrong in ("env.id=chess", "env.reward=none", "eval.final_suite=x", "train.algo=x"):
        with pytest.raises(ConfigError):
            run_training(config_for_raw(model, wrong), run, console=silent())
        assert not run.path.exists()


def config_for_raw(model: Path, override: str) -> TrainConfig:
    """Without `fill_defaults`, which refuses an unknown algorithm itself."""
    config = config_for(model)
    section, _, rest = override.partition(".")
    name, _, value = rest.partition("=")
    part = getattr(config, section).model_copy(update={name: value})
    return config.model_copy(update={section: part})


def test_opening_a_run(tmp_path: Path) -> None:
    run = RunDir(tmp_path / "run")
    with pytest.raises(RunError, match="no run to resume in"):
        open_run(run, "", resume=True)
    open_run(run, "[train]\n", resume=False)
    with pytest.raises(RunError, match="already holds a run"):
        open_run(run, "[train]\nseed = 1\n", resume=False)
    assert run.config.read_text(encoding="utf-8") == "[train]\n"
    open_run(run, "[train]\nsteps = 9\n", resume=True)
    assert run.config.read_text(encoding="utf-8") == "[train]\nsteps = 9\n"


def test_what_a_reader_wants_to_know_is_plain_data() -> None:
    meta = run_meta()
    assert json.loads(json.dumps(meta)) == meta
    assert {"wordle-rl", "torch", "transformers", "numpy"} <= meta["packages"].keys()


def test_the_first_ctrl_c_asks_and_the_second_stops(capfd: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(signal.SIGINT)
    with catch_interrupt() as asked:
        assert not asked()
        os.kill(os.getpid(), signal.SIGINT)
        _wait_until(asked)
        assert "stopping after this step" in capfd.readouterr().err
        with pytest.raises(KeyboardInterrupt):
            _interrupt_and_wait()
    assert signal.getsignal(signal.SIGINT) is before


def _wait_until(asked: object) -> None:
    assert callable(asked)
    until = time.monotonic() + 10
    while not asked():
        assert time.monotonic() < until


def _interrupt_and_wait() -> None:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(10)


def test_a_run_outside_of_the_main_thread_leaves_ctrl_c_alone() -> None:
    """Python lets only the main thread handle signals."""
    seen: list[bool] = []

    def work() -> None:
        with catch_interrupt() as asked:
            seen.append(asked())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [False]


def test_a_new_nano_knows_how_it_reads_games() -> None:
    agent = new_nano(PretrainConfig(layers=1, width=32, dtype="float32"))
    assert (agent.style, agent.max_new_tokens) == ("compact", 12)
    assert agent.model.config.wordle_rl_style == "compact"
    assert agent.model.config.wordle_rl_max_new_tokens == 12


def test_the_longest_answer_of_a_new_nano_is_a_setting() -> None:
    agent = new_nano(PretrainConfig(layers=1, width=32, dtype="float32", max_new_tokens=64))
    assert agent.max_new_tokens == agent.model.config.wordle_rl_max_new_tokens == 64


def test_the_ten_words_are_training_words() -> None:
    assert set(WORDS).isdisjoint(load_suite("wordle-val").secrets)
    assert set(WORDS).isdisjoint(load_suite("wordle-heldout").secrets)
    assert set(WORDS) <= set(load_suite("wordle-train").secrets)
