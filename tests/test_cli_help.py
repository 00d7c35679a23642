"""What must answer at once does not load what is slow to load. Checked by `sys.modules`."""

import subprocess
import sys

import pytest

SLOW_TO_LOAD = {"torch", "transformers", "peft", "matplotlib", "textarena"}

RUN_CLI = """
import sys
from wordle_rl.cli import main
code = 0
try:
    main()
except SystemExit as end:
    code = end.code
print(*sys.modules, file=sys.stderr)
sys.exit(code)
"""

IMPORT_ALL = """
import importlib, pkgutil, sys
for package in ("wordle_rl.envs", "wordle_rl.evaluation"):
    module = importlib.import_module(package)
    for info in pkgutil.iter_modules(module.__path__, package + "."):
        importlib.import_module(info.name)
print(*sys.modules, file=sys.stderr)
"""


def run_python(code: str, *args: str) -> tuple[str, set[str]]:
    """Standard output of a fresh interpreter, and the top-level modules it had loaded."""
    done = subprocess.run(
        [sys.executable, "-c", code, *args],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, {name.partition(".")[0] for name in done.stderr.split()}


def test_help_loads_nothing_slow() -> None:
    output, loaded = run_python(RUN_CLI, "--help")
    assert output.startswith("Usage:")
    for command in ("train", "play", "evaluate", "pretrain"):
        assert f"\n  {command} " in output
    assert "wordle_rl" in loaded
    assert loaded & SLOW_TO_LOAD == set()


def test_version_loads_nothing_slow() -> None:
    output, loaded = run_python(RUN_CLI, "--version")
    assert "0.1.0" in output
    assert loaded & SLOW_TO_LOAD == set()


@pytest.mark.parametrize("command", ["train", "play", "evaluate", "pretrain"])
def test_help_of_a_command_does_not_load_torch(command: str) -> None:
    output, loaded = run_python(RUN_CLI, command, "--help")
    assert output.startswith("Usage:")
    assert loaded & {"torch", "transformers", "peft", "matplotlib"} == set()


def test_games_and_evaluation_do_not_load_torch() -> None:
    _, loaded = run_python(IMPORT_ALL)
    assert {"numpy"} <= loaded
    assert loaded & {"torch", "transformers", "peft", "accelerate"} == set()
