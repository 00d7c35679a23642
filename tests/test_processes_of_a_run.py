"""A run on two processes is the run on one: games, gradient, metrics, validation, checkpoints."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from transformers import AutoModelForCausalLM, Qwen3Config

from tests import two_processes
from tests.families import save_family
from tests.tiny import chatml_tokenizer
from wordle_rl.cli import cli
from wordle_rl.errors import ConfigError
from wordle_rl.training import games, loops, processes
from wordle_rl.training.processes import ALONE, Launched

ROOT = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.slow
HOW_IT_IS_CUT = "train/padding_share"
"""What depends on which rows meet in a micro-batch."""
TRAIN = (
    *("train", "--device", "cpu", "--env", "guess-number", "--set", "model.dtype=float32"),
    *("--set", "rollout.tasks_per_step=3", "--set", "rollout.group_size=2"),
    *("--set", "rollout.max_turns=2", "--set", "model.max_new_tokens=6"),
    *("--set", "env.reward=binary"),
    *("--set", "env.rewards={ length = { weight = 1.0, free_chars = 0, max_chars = 40 } }"),
    *("--set", "eval.every_steps=2", "--set", "eval.suite=guess-number-100-val"),
    *("--set", "eval.final_suite=", "--set", "lora.rank=4"),
)


LAUNCH = (
    *(sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"),
    *("--mixed_precision", "no", "--dynamo_backend", "no"),
)
ENV = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}


def launch(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a module on two processes, as `accelerate launch` does on several GPUs."""
    return subprocess.run(
        [*LAUNCH, "--num_machines", "1", "-m", *map(str, arguments)],
        cwd=ROOT,
        env=ENV,
        capture_output=True,
        encoding="utf-8",
        timeout=900,
        check=False,
    )


def launch_on_two_machines(*arguments: str | Path) -> None:
    """The command of docs/models.md on each of two machines, which are this one."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    meeting = ("--main_process_ip", "127.0.0.1", "--main_process_port", port)
    started = [
        subprocess.Popen(
            [
                *(*LAUNCH, "--num_machines", "2", "--machine_rank", str(rank), *meeting),
                *("-m", *map(str, arguments)),
            ],
            cwd=ROOT,
            env=ENV,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        for rank in (0, 1)
    ]
    try:
        said = [process.communicate(timeout=300)[1] for process in started]
    finally:
        for process in started:
            process.kill()
    for process, text in zip(started, said, strict=True):
        assert process.returncode == 0, text[-2000:]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_family("qwen2.5", tmp_path_factory.mktemp("models") / "qwen")


@pytest.mark.parametrize(("rank", "how"), [(0, "copy"), (0, "shard"), (4, "shard")])
def test_two_processes_have_the_gradient_of_one(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rank: int, how: str
) -> None:
    done = launch("tests.two_processes", model, tmp_path, str(rank), how)
    assert done.returncode == 0, done.stderr[-2000:]
    first, second = (torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1))
    alone = tmp_path / "alone"
    alone.mkdir()
    monkeypatch.setattr(two_processes.update_module, "clip_gradients", None)
    two_processes.main(str(model), alone, rank=rank)
    one = torch.load(alone / "0.pt")
    assert first["games"] == second["games"] == one["games"]
    assert len(one["games"]) == 15
    largest = max(float(g.abs().max()) for g in one["gradient"].values())
    assert largest > 0
    for name, gradient in one["gradient"].items():
        assert torch.equal(first["gradient"][name], second["gradient"][name])
        assert torch.allclose(first["gradient"][name], gradient, rtol=0, atol=1e-6 * largest), name
    for name, weight in one["weights"].items():
        assert torch.allclose(first["weights"][name], weight, rtol=0, atol=2e-6), name
    if how == "shard":
        assert abs(first["held"] - one["held"] / 2) < 0.02 * one["held"]
    for name, value in one["metrics"].items():
        if name == HOW_IT_IS_CUT:
            continue
        assert first["metrics"][name] == second["metrics"][name]
        assert first["metrics"][name] == pytest.approx(value, rel=1e-4, abs=1e-6), name


@pytest.mark.parametrize("how", ["copy", "shard"])
def test_two_machines_are_two_processes_of_one(model: Path, tmp_path: Path, how: str) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    done = launch("tests.two_processes", model, one, "0", how)
    assert done.returncode == 0, done.stderr[-2000:]
    launch_on_two_machines("tests.two_processes", model, two, "0", how)
    for process in (0, 1):
        ours, theirs = (torch.load(folder / f"{process}.pt") for folder in (two, one))
        assert ours["games"] == theirs["games"]
        assert ours["held"] == theirs["held"]
        assert ours["metrics"] == pytest.approx(theirs["metrics"], rel=1e-6)
        assert ours["gradient"].keys() == theirs["gradient"].keys()
        for name, gradient in theirs["gradient"].items():
            assert torch.equal(ours["gradient"][name], gradient), name


@pytest.fixture(scope="module")
def heavy_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose weights are more than its activations."""
    folder = tmp_path_factory.mktemp("models") / "heavy"
    tokenizer = chatml_tokenizer()
    described = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=512,
        intermediate_size=1536,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=64,
        tie_word_embeddings=False,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    AutoModelForCausalLM.from_config(described).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.mark.parametrize(("rank", "dtype"), [(0, "bfloat16"), (8, "bfloat16")], ids=str)
def test_a_model_in_parts_takes_what_is_estimated(
    heavy_model: Path, tmp_path: Path, rank: int, dtype: str
) -> None:
    done = launch("tests.sharded_memory", heavy_model, tmp_path, str(rank), dtype)
    assert done.returncode == 0, done.stderr[-2000:]
    for process in (0, 1):
        found = json.loads((tmp_path / f"{process}.json").read_text())
        estimate = found["estimate"]
        adapters = found["moments"] / 2 if rank else 0.0  # counted as training, held as weights
        assert found["weights"] - adapters == pytest.approx(estimate["weights"], rel=0.02)
        moments = estimate["training"] / 2
        assert found["moments"] == pytest.approx(moments, rel=0.02)
        parts = found["weights"] * (1 if rank else 2)  # the reference has weights of its own
        whole = 2 * found["weights"] + parts
        assert found["gathered"] == pytest.approx(whole, rel=0.02)
        updating = estimate["weights"] + estimate["training"] + estimate["updating"]
        assert 0.8 * updating < found["updating"] < 1.05 * updating


@pytest.mark.parametrize("shard", ["false", "true"])
def test_a_run_goes_on_with_another_number_of_processes(
    model: Path, tmp_path: Path, shard: str
) -> None:
    """Two steps on two processes, two more on one, against four on one."""
    shared, alone = tmp_path / "shared", tmp_path / "alone"
    base = (*TRAIN, "--model", str(model), "--set", f"train.shard={shard}")
    done = launch("wordle_rl", *base, "--steps", "2", "--json", "--run-dir", shared)
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout) == {"run_dir": str(shared), "step": 2, "finished": True}
    runner = CliRunner()
    resume = ["train", "--resume", "--steps", "4", "--run-dir", str(shared)]
    for arguments in (resume, [*base, "--steps", "4", "--run-dir", str(alone)]):
        done_here = runner.invoke(cli, list(arguments), catch_exceptions=False)
        assert done_here.exit_code == 0, done_here.output
    ours, theirs = records(shared), records(alone)
    assert [row["step"] for row in ours] == [1, 2, 3, 4]
    for one, other in zip(ours, theirs, strict=True):
        assert one.keys() == other.keys()
        for name in one:
            if not name.startswith("time/") and name != HOW_IT_IS_CUT:
                assert one[name] == pytest.approx(other[name], rel=1e-3, abs=1e-5), name
    assert ours[1]["eval/greedy_n"] == 6


def records(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def test_what_runs_alone_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    two = Launched(rank=0, count=2)
    for module in (processes, games, loops):
        monkeypatch.setattr(module, "world", lambda: two)
    for algo in ("trpo", "dpo"):
        config = two_processes.settings("nano").model_copy(deep=True)
        chosen = config.model_copy(update={"train": config.train.model_copy(update={"algo": algo})})
        with pytest.raises(ConfigError, match=f"train.algo='{algo}' runs in one process"):
            loops.check_processes(chosen)
    loops.check_processes(two_processes.settings("nano"))
    for changes, what in (
        ({"algo": "ppo"}, "the critic of train.algo='ppo'"),
        ({"optimizer": "muon"}, "train.optimizer='muon'"),
        ({"ema_decay": 0.9}, "train.ema_decay=0.9"),
    ):
        train = config.train.model_copy(update={"shard": True, **changes})
        with pytest.raises(ConfigError, match=f"{what} needs whole weights: set train.shard"):
            loops.check_processes(config.model_copy(update={"train": train}))
    own = config.model_copy(update={"env": config.env.model_copy(update={"opponent": "self"})})
    with pytest.raises(ConfigError, match="self-play runs in one process"):
        games.check_games(own, "compact")


def test_shares_are_disjoint_and_whole() -> None:
    items = list(range(7))
    parts = [Launched(rank=rank, count=3).share(items) for rank in range(3)]
    assert sorted(item for part in parts for item in part) == items
    assert ALONE.together(ALONE.share(items)) == items
