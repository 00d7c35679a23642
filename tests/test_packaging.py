"""What is shipped is whole: sdist -> wheel -> a new environment -> a game outside the checkout."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
FOLDER_OF: dict[str, str] = PROJECT["tool"]["setuptools"]["package-dir"]
VERSION: str = PROJECT["project"]["version"]
NOT_SOURCE = shutil.ignore_patterns(".*", "__pycache__", "build", "dist", "runs", "*.egg-info")


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """An environment that holds the wheel, and the folder from which its commands are run."""

    bin: Path
    cwd: Path
    wheel: Path

    def run(self, *command: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command of the environment, away from the checkout and the user's files."""
        env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PYTEST"))}
        env |= {"HOME": str(self.cwd), "HF_HUB_OFFLINE": "1", "VIRTUAL_ENV": str(self.bin.parent)}
        return subprocess.run(
            [self.bin / command[0], *command[1:]],
            cwd=self.cwd,
            env=env,
            input=stdin if stdin is not None else "",
            capture_output=True,
            encoding="utf-8",
            timeout=900,
            check=False,
        )


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Build from a copy of the source (so that nothing left of an earlier build gets in), install.

    Third-party packages come from the environment that runs the tests, through a .pth file: no
    network, and the checkout's own editable install stays out, since it hangs on a .pth of its own.
    """
    tmp = tmp_path_factory.mktemp("packaging")
    source, dist, home = tmp / "source", tmp / "dist", tmp / "home"
    shutil.copytree(ROOT, source, symlinks=True, ignore=NOT_SOURCE)
    home.mkdir()
    _python("-m", "build", "--no-isolation", "--outdir", str(dist), str(source))
    (wheel,) = dist.glob("*.whl")
    venv.create(tmp / "venv", with_pip=False)
    pip = ("-m", "pip", "--python", str(tmp / "venv"), "install", "--no-deps", "--no-index")
    _python(*pip, str(wheel))
    paths = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (site_packages,) = (tmp / "venv").glob("lib/python*/site-packages")
    (site_packages / "third_party.pth").write_text("\n".join(sorted(paths)), encoding="utf-8")
    return Installed(bin=tmp / "venv" / "bin", cwd=home, wheel=wheel)


def _python(*args: str) -> None:
    done = subprocess.run(
        [sys.executable, *args], capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_wheel_holds_the_folders_and_nothing_else(installed: Installed) -> None:
    expected = {
        f"{package.replace('.', '/')}/{file.relative_to(folder).as_posix()}"
        for package, folder in ((name, ROOT / path) for name, path in FOLDER_OF.items())
        for file in _files(folder)
    }
    with zipfile.ZipFile(installed.wheel) as wheel:
        names = set(wheel.namelist())
    dist_info = f"wordle_rl-{VERSION}.dist-info/"
    assert {name for name in names if not name.startswith(dist_info)} == expected
    assert f"{dist_info}licenses/LICENSE" in names
    assert {"wordle_rl/py.typed", "wordle_rl/data/words/answers-5.txt"} <= names
    assert any(name.endswith(".safetensors") for name in names)


def _files(folder: Path) -> list[Path]:
    """All files below a folder, without caches; os.walk does not follow the links."""
    return [
        Path(parent) / name
        for parent, _, names in os.walk(folder)
        for name in names
        if "__pycache__" not in parent and not (Path(parent) / name).is_symlink()
    ]


def test_the_installed_package_is_the_one_that_runs(installed: Installed) -> None:
    code = "import wordle_rl.envs, wordle_rl.training; print(wordle_rl.training.__file__)"
    done = installed.run("python", "-c", code)
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).is_relative_to(installed.bin.parent)


def test_nothing_is_installed_under_a_generic_name(installed: Installed) -> None:
    names = {folder for folder in FOLDER_OF.values() if folder != "wordle_rl"}
    code = f"import importlib.util as u; print([n for n in {sorted(names)} if u.find_spec(n)])"
    assert installed.run("python", "-c", code).stdout.strip() == "[]"


def test_version_and_help(installed: Installed) -> None:
    version = installed.run("wordle-rl", "--version")
    assert (version.returncode, version.stderr) == (0, "")
    assert VERSION in version.stdout
    usage = installed.run("wordle-rl", "--help")
    assert usage.returncode == 0, usage.stderr
    assert usage.stdout.startswith("Usage:")


def test_the_built_in_model_plays_a_game(installed: Installed) -> None:
    command = ("wordle-rl", "evaluate", "nano", "--suite", "wordle-heldout", "--limit", "1")
    done = installed.run(*command, "--samples", "0", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["agent"] == "nano"
    assert report["suite"].startswith("wordle-heldout")
    assert report["greedy"]["n"] == 1
    assert report["greedy"]["win_rate"]["value"] in (0, 1)


def test_a_person_plays_a_game_through_a_pipe(installed: Installed) -> None:
    done = installed.run("wordle-rl", "play", "--secret", "crane", stdin="slate\ncrane\n")
    assert done.returncode == 0, done.stderr
    assert "wordle-rl 2/6" in done.stdout
    before, prompt, _ = done.stdout.partition("2/6>")
    assert prompt
    assert "crane" not in before.lower()
