"""What experiment loggers hold after a run, read back from what they wrote."""

import json
import struct
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from rich.console import Console
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests.preference_files import file_of_games
from tests.ten_words import taught_agent, ten_word_settings
from wordle_rl.cli import cli
from wordle_rl.config import PretrainConfig, parse
from wordle_rl.errors import ConfigError
from wordle_rl.run_dir import RunDir
from wordle_rl.training import loggers
from wordle_rl.training.reward_session import run_reward_training
from wordle_rl.training.session import run_pretraining, run_training

History = Mapping[int, Mapping[str, float]]
"""Step -> what is known of it."""
TENSORBOARD = 'log.to=["tensorboard"]'


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("loggers") / "model"
    taught_agent().save(folder)
    return folder


def silent() -> Console:
    return Console(file=StringIO(), width=200)


def shown(console: Console) -> str:
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def play(model: Path, run: RunDir, *overrides: str, resume: bool = False) -> str:
    """Train for a few steps; what was printed."""
    console = silent()
    config = ten_word_settings(f'model.path="{model}"', *overrides)
    run_training(config, run, resume=resume, console=console)
    return shown(console)


def imitate(model: Path, run: RunDir) -> None:
    small = {"env": "guess-number", "layers": 1, "width": 32, "steps": 3, "games_per_step": 4}
    rest = {"eval_every_steps": 0, "device": "cpu", "log": {"to": "tensorboard"}}
    run_pretraining(parse(PretrainConfig, small | rest), run, console=silent())


def learn_pairs(model: Path, run: RunDir) -> None:
    play(model, run, TENSORBOARD, "train.algo=dpo", "train.steps=3")


def learn_rewards(model: Path, run: RunDir) -> None:
    file = file_of_games(run.path.parent)
    own = ("train.algo=reward-model", "train.steps=3", f'preference.path="{file}"')
    config = ten_word_settings(f'model.path="{model}"', TENSORBOARD, *own)
    run_reward_training(config, run, console=silent())


def learn_games(model: Path, run: RunDir) -> None:
    play(model, run, TENSORBOARD, "train.steps=3")


def event_files(run: RunDir) -> EventAccumulator:
    read = EventAccumulator(str(run.path / "tensorboard"), size_guidance={"scalars": 0})
    read.Reload()
    return read


def in_tensorboard(run: RunDir) -> History:
    read, found = event_files(run), {}
    for name in read.Tags()["scalars"]:
        for event in read.Scalars(name):
            assert name not in found.setdefault(event.step, {}), f"{name} twice at {event.step}"
            found[event.step][name] = event.value
    return found


def texts(run: RunDir, name: str) -> dict[int, str]:
    events = event_files(run).Tensors(f"{name}/text_summary")
    return {event.step: event.tensor_proto.string_val[0].decode() for event in events}


def metrics(run: RunDir) -> History:
    return {
        int(row["step"]): {k: v for k, v in row.items() if k != "step"} for row in run.records()
    }


def assert_same(found: History, run: RunDir) -> None:
    """Every number of metrics.jsonl, up to the float32 of TensorBoard."""
    logged = metrics(run)
    assert found.keys() == logged.keys()
    for step, row in logged.items():
        assert dict(found[step]) == pytest.approx(row, rel=1e-6)


@pytest.mark.parametrize("session", [learn_games, learn_pairs, learn_rewards, imitate])
def test_tensorboard_holds_every_number_of_every_loop(
    session: Callable[[Path, RunDir], None], model: Path, tmp_path: Path
) -> None:
    run = RunDir(tmp_path / "run")
    session(model, run)
    assert len(metrics(run)) == 3
    assert_same(in_tensorboard(run), run)
    assert texts(run, "settings") == {0: f"```\n{run.config.read_text(encoding='utf-8')}\n```"}


def test_games_are_text_as_often_as_they_are_kept(model: Path, tmp_path: Path) -> None:
    run = RunDir(tmp_path / "run")
    play(model, run, TENSORBOARD, "save.games_every_steps=2")
    games = texts(run, "game")
    assert list(games) == [2, 4]
    for step, text in games.items():
        kept = (run.episodes / f"step-{step}.txt").read_text(encoding="utf-8")
        board = text.removeprefix("```\n").removesuffix("\n```")
        assert f"\n{board}\nreward" in kept.partition("\n\n")[2]


def forget_after(run: RunDir, step: int) -> None:
    """As if the run had been killed before it saved what came after a checkpoint."""
    for folder in run.checkpoints.iterdir():
        if int(folder.name.removeprefix("step-")) > step:
            folder.rename(run.path / f"lost-{folder.name}")


def stop_after(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """Have the run die after a step has been logged."""
    told = loggers._LoggedDisplay.step

    def die(self: Any, record: Any) -> None:
        told(self, record)
        if record.step == step:
            raise KeyboardInterrupt

    monkeypatch.setattr(loggers._LoggedDisplay, "step", die)


def three_attempts(model: Path, run: RunDir, *log: str) -> str:
    """A run of 6 steps: killed after 5 with a checkpoint of 2, again after 3, then finished.

    Returns what the last attempt has printed.
    """
    own = (*log, "train.steps=6", "save.checkpoint_every_steps=2", "env.options.max_guesses=2")
    for last in (5, 3):
        with pytest.MonkeyPatch.context() as patch:
            stop_after(patch, last)
            with pytest.raises(KeyboardInterrupt):
                play(model, run, *own, resume=last == 3)
        forget_after(run, 2)
    return play(model, run, *own, resume=True)


def test_a_run_that_is_resumed_twice_logs_every_step_once(model: Path, tmp_path: Path) -> None:
    run = RunDir(tmp_path / "run")
    three_attempts(model, run, TENSORBOARD)
    found = in_tensorboard(run)
    assert list(found) == [1, 2, 3, 4, 5, 6]
    for step, row in metrics(run).items():
        same = {key: value for key, value in row.items() if not key.startswith("time/")}
        assert {key: found[step][key] for key in same} == pytest.approx(same, rel=1e-6)


class Fragile:
    """Fails at what it is told to fail at, and counts what else it is called for."""

    def __init__(self, fails: str) -> None:
        self.fails = fails
        self.calls: Counter[str] = Counter()

    def __call__(self, run: Any) -> "Fragile":
        self._called("open")
        return self

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        self._called("log")

    def game(self, step: int, text: str) -> None:
        self._called("game")

    def close(self) -> None:
        self._called("close")

    def _called(self, name: str) -> None:
        self.calls[name] += 1
        if name == self.fails:
            raise OSError("no route\nto host")


@pytest.mark.parametrize(
    ("fails", "calls"),
    [
        ("open", {"open": 1}),
        ("log", {"open": 1, "log": 1}),
        ("game", {"open": 1, "log": 2, "game": 1}),
        ("close", {"open": 1, "log": 4, "game": 2, "close": 1}),
    ],
)
def test_a_logger_that_fails_is_dropped_with_one_warning(
    fails: str,
    calls: dict[str, int],
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fragile, run = Fragile(fails), RunDir(tmp_path / "run")
    monkeypatch.setitem(loggers.OPENERS, "wandb", fragile)  # type: ignore[arg-type]
    monkeypatch.setattr(loggers, "check_loggers", lambda settings: None)
    monkeypatch.setattr("wordle_rl.training.session.check_loggers", lambda settings: None)
    printed = play(model, run, "log.to=wandb,tensorboard")
    assert fragile.calls == calls
    assert printed.count("wandb: no route to host (the run goes on without it)") == 1
    assert_same(in_tensorboard(run), run)


@pytest.mark.parametrize("name", ["tensorboard", "wandb", "trackio"])
def test_a_missing_package_is_one_line_before_anything_is_written(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    command = ["train", "--run-dir", str(tmp_path / "run"), "--set", f"log.to={name}"]
    done = CliRunner().invoke(cli, [*command, "--device", "cpu"])
    assert isinstance(done.exception, ConfigError) or done.exit_code == 2
    assert f"pip install 'wordle-rl[{name}]'" in done.output + str(done.exception)
    assert not (tmp_path / "run").exists()


def test_a_folder_of_the_same_name_is_no_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """W&B leaves a folder wandb/ where it runs."""
    (tmp_path / "wandb").mkdir()
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    monkeypatch.delitem(__import__("sys").modules, "wandb", raising=False)
    with pytest.raises(ConfigError, match=r"needs wandb: pip install 'wordle-rl\[wandb\]'"):
        loggers.check_loggers(ten_word_settings("log.to=wandb").log)


def test_an_unknown_logger_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="'tensorboard', 'wandb' or 'trackio'"):
        ten_word_settings("log.to=tensorbord")


def test_only_the_process_that_writes_logs(model: Path, tmp_path: Path) -> None:
    config = ten_word_settings(f'model.path="{model}"', TENSORBOARD)
    reader = RunDir(tmp_path / "run", writes=False)
    with loggers.open_loggers(config, reader, silent()) as opened:
        opened.tell(lambda logger: pytest.fail("a logger is open"), print)
    assert not reader.path.exists()


# --- packages that `make test` does not install: `make test-extras` does


def offline_records(file: Path) -> Iterator[Any]:
    """The records of a W&B offline file: LevelDB's log format after a header of seven bytes."""
    record_type = pytest.importorskip("wandb.proto.wandb_internal_pb2").Record
    data, at, whole = file.read_bytes(), 7, b""
    while at + 7 <= len(data):
        left = 32768 - at % 32768
        if left < 7:
            at += left
            continue
        _, length, kind = struct.unpack("<IHB", data[at : at + 7])
        whole += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # a whole record, or the last part of one
            yield record_type.FromString(whole)
            whole = b""


def in_wandb(files: list[Path]) -> dict[int, dict[str, Any]]:
    found: dict[int, dict[str, Any]] = {}
    for record in (record for file in files for record in offline_records(file)):
        if record.WhichOneof("record_type") != "history":
            continue
        items = {
            item.key or ".".join(item.nested_key): json.loads(item.value_json)
            for item in record.history.item
        }
        step = int(items["_step"])
        assert step not in found, f"step {step} twice"
        found[step] = items
    return found


def test_wandb_without_an_account_logs_into_the_run_folder(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("wandb", reason="an extra: make test-extras")
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    for name in ("WANDB_API_KEY", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    run = RunDir(tmp_path / "run")
    printed = three_attempts(model, run, "log.to=wandb")
    assert "warning" not in printed
    files = sorted((run.path / "wandb").glob("offline-run-*/*.wandb"))
    assert len(files) == 3
    assert len({file.name for file in files}) == 1, "one id for all attempts"
    found = in_wandb(files)
    assert list(found) == [1, 2, 3, 4, 5, 6]
    for step, row in metrics(run).items():
        for key, value in row.items():
            if not key.startswith("time/"):
                assert found[step][key] == pytest.approx(value), key
    assert [step for step, row in found.items() if "game._type" in row] == [2, 4, 6]


def test_trackio_logs_into_its_own_folder(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))  # read at import
    pytest.importorskip("trackio", reason="an extra: make test-extras")
    storage = pytest.importorskip("trackio.sqlite_storage").SQLiteStorage
    run = RunDir(tmp_path / "run")
    printed = three_attempts(model, run, "log.to=trackio", "log.project=words")
    assert "warning" not in printed
    assert capsys.readouterr().out == ""
    [name] = storage.get_runs("words")
    assert name.startswith("run-")
    rows = storage.get_logs("words", name)
    numbers = [row for row in rows if "game" not in row]
    assert [row["step"] for row in numbers] == [1, 2, 3, 4, 5, 6]
    assert [row["step"] for row in rows if "game" in row] == [2, 4, 6]
    logged = metrics(run)
    for row in numbers:
        for key, value in logged[row["step"]].items():
            if not key.startswith("time/"):
                assert row[key] == pytest.approx(value), key
    assert storage.get_run_config("words", name)["train"]["steps"] == 6
