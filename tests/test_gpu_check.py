"""The script for a new GPU runs where there is none, and says what is wrong."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from scripts import gpu_check


def test_it_runs_on_a_cpu() -> None:
    done = CliRunner().invoke(gpu_check.main, ["--device", "cpu", "--quick"])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.output
    assert done.exit_code == 0, done.output
    for what in ("rollout", "sampler and trainer", "fused attention", "recorded steps and trainer"):
        [line] = [row for row in done.output.splitlines() if row.startswith(f"{what}  ")]
        assert "right" in line


def test_what_is_wrong_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = gpu_check.build("cpu", quick=True)
    gpu_check.check_rollout(bench)
    [row] = gpu_check.check_agreement(bench)
    assert row.right
    for weight in bench.agent.model.get_input_embeddings().parameters():
        weight.data.mul_(1.5)
    [row] = gpu_check.check_agreement(bench)
    assert row.right is False
    monkeypatch.setattr(gpu_check, "CHECKS", [gpu_check.check_agreement])
    monkeypatch.setattr(gpu_check, "build", lambda device, quick: bench)
    done = CliRunner().invoke(gpu_check.main, ["--device", "cpu", "--quick"])
    assert done.exit_code == 1
    assert "WRONG" in done.output


def test_what_there_is_no_time_for_is_named() -> None:
    rows = gpu_check.run_checks(gpu_check.build("cpu", quick=True), limit_s=-1.0)
    assert [row.what for row in rows] == [check.__name__ for check in gpu_check.CHECKS]
    assert {row.found for row in rows} == {"left out: no time"}
