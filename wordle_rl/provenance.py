"""Where a result comes from: the commit, the versions, the machine."""

from __future__ import annotations

import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("wordle-rl", "torch", "transformers", "numpy", "gymnasium")
"""What can change a result."""


def versions() -> dict[str, str]:
    """The installed versions of `PACKAGES`; what runs from a source tree has none."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def git_commit() -> str | None:
    """The commit of the source tree, marked where files differ from it; None outside a checkout."""
    here = Path(__file__).resolve().parent
    what = ("describe", "--always", "--dirty", "--abbrev=12", "--exclude=*")
    try:
        done = subprocess.run(
            ["git", "-C", str(here), *what], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def hardware() -> str:
    """What models run on: the GPU, else the processor; torch is asked where it is loaded."""
    torch = sys.modules.get("torch")
    if torch is None:
        return _processor()
    if torch.cuda.is_available():
        return str(torch.cuda.get_device_name())
    return f"{_processor()}, {torch.get_num_threads()} threads"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
