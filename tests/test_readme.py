"""What the README says can be done, and what it says is there."""

import importlib.util
import re
import shlex
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from types import ModuleType

import click
import pytest

from wordle_rl.cli import COMMANDS, cli
from wordle_rl.config import TrainConfig, parse
from wordle_rl.envs import make_env, reward_functions
from wordle_rl.envs.composed_rewards import scale_warning
from wordle_rl.envs.plugins import load_plugin
from wordle_rl.evaluation.suites import load_suite
from wordle_rl.training.judge import load_judge

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FOLDERS = ("wordle_rl", "envs", "agents", "training", "evaluation", "data", "benchmarks", "scripts")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def commands() -> list[str]:
    lines = [line.split("  #")[0].strip() for block in blocks("sh") for line in block.splitlines()]
    return [line for line in lines if line.startswith("wordle-rl ")]


@pytest.mark.parametrize("code", blocks("python"))
def test_python_runs(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(code, "README.md", "exec"), {"__name__": "readme"})
    if "print(" in code:
        assert capsys.readouterr().out


@pytest.fixture
def my_rewards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The reader's own module, put together from the README's blocks."""
    own = [code for code in blocks("python") if code.startswith("# my_rewards.py\n")]
    (tmp_path / "my_rewards.py").write_text("\n".join(own))
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("my_rewards", None)


SETTINGS = blocks("toml")
IN_THE_CODE = reward_functions.__doc__ or ""
REWARDS = [*SETTINGS, dedent(IN_THE_CODE[IN_THE_CODE.index("    [env") :].partition("\n\n")[0])]


@pytest.mark.usefixtures("my_rewards")
@pytest.mark.parametrize("text", REWARDS)
def test_settings_are_loaded_and_pay_each_part(text: str) -> None:
    config = parse(TrainConfig, tomllib.loads(text))
    env = make_env(config.env.id, rewards=config.env.rewards)
    env.reset(seed=0)
    *_, info = env.step("please, [slate]")
    assert "my_rewards:polite" in config.env.rewards
    assert info["reward_parts"].keys() == config.env.rewards.keys()
    assert info["reward_parts"]["my_rewards:polite"] == config.env.rewards["my_rewards:polite"]
    assert scale_warning(config.env.rewards) is None


@pytest.mark.parametrize("text", [text for text in SETTINGS if "[judge]" in text])
def test_the_judge_of_the_settings_can_be_asked(text: str, tmp_path: Path) -> None:
    settings = parse(TrainConfig, tomllib.loads(text)).judge
    assert settings.weight > 0
    assert settings.model in load_judge(settings, tmp_path / "cache").backend.identity


@pytest.mark.usefixtures("my_rewards")
def test_every_function_of_ones_own_is_shown() -> None:
    named = set(re.findall(r"\bmy_rewards:(\w+)", README))
    assert named == {"polite", "win_or_legal"}
    for name in named:
        assert callable(load_plugin("reward", f"my_rewards:{name}"))


def test_there_are_commands() -> None:
    assert len(commands()) >= 5


@pytest.mark.parametrize("line", commands())
def test_commands_parse(line: str) -> None:
    name, *arguments = shlex.split(line)[1:]
    command = cli.get_command(click.Context(cli), name)
    assert command is not None, f"no command {name!r}"
    command.make_context(name, arguments)  # raises for an unknown flag or a bad value


def test_every_command_is_in_the_readme() -> None:
    table = README[README.index("## Commands") : README.index("## From Python")]
    missing = [name for name in COMMANDS if not re.search(rf"`(wordle-rl )?{name}\b", table)]
    assert not missing


def test_file_tree_names_every_module() -> None:
    tree = (ROOT / "docs" / "files.md").read_text(encoding="utf-8")
    modules = [p for folder in FOLDERS for p in (ROOT / folder).glob("*.py")]
    missing = [p.name for p in modules if p.name != "__init__.py" and p.name not in tree]
    assert not missing
    named = set(re.findall(r"\b(\w+\.py)\b", tree)) - {"test_.py"}
    assert named <= {p.name for p in modules}


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("board", ROOT / "benchmarks" / "leaderboard.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_leaderboard_has_every_agent_on_both_suites_with_n_and_interval() -> None:
    written = README.partition(script().BEGIN)[2].partition(script().END)[0]
    for suite, n in (("wordle-heldout", 225), ("wordle-all", 2146)):
        assert f"{suite} (hash {load_suite(suite).suite_hash[:12]})" in written
        for agent in script().AGENTS.split(","):
            assert re.search(rf"\| {agent} \| {n} \| [\d.]+ % \[[\d., ]+\] \|", written), agent
    assert "Other people's protocols" in written
    assert written.index("Other people's protocols") > written.rindex("wordle-all (hash")


def test_the_leaderboard_is_written_between_its_markers() -> None:
    begin, end, rewrite = script().BEGIN, script().END, script().rewrite
    text = rewrite(f"a\n{begin}\nold\n{end}\nb\n", "new")
    assert text == f"a\n{begin}\n\nnew\n\n{end}\nb\n"
    assert rewrite(text, "new") == text
    for broken in ("a", begin, f"{end} {begin}", f"{begin} {end} {begin}", f"{begin}{end}{end}"):
        with pytest.raises(click.ClickException, match="each once"):
            rewrite(broken, "new")


def test_no_blank_is_left_to_fill_in() -> None:
    assert not re.findall(r"^[A-Z]{4,}$", README, flags=re.MULTILINE)


def test_links_lead_somewhere() -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", README)
    missing = [t for t in targets if "://" not in t and not (ROOT / t).exists()]
    assert not missing
