"""Where a result comes from: what is told of versions, commit and machine."""

from pathlib import Path

import pytest

from wordle_rl import provenance
from wordle_rl.provenance import PACKAGES, git_commit, hardware, versions


def test_versions_are_those_installed() -> None:
    found = versions()
    assert found.keys() == set(PACKAGES)
    assert found["numpy"][0].isdigit()


def test_what_runs_from_a_source_tree_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "PACKAGES", ("no-such-package", "numpy"))
    assert versions()["no-such-package"] == "not installed"
    assert versions()["numpy"] != "not installed"


def test_outside_a_checkout_there_is_no_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provenance, "__file__", str(tmp_path / "provenance.py"))
    assert git_commit() is None


def test_the_machine_has_a_name() -> None:
    assert hardware().strip()
