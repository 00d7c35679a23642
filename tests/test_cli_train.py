"""`wordle-rl train`: a whole small run, every kind of bad input, Ctrl-C, and going on."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.ten_words import WORDS, taught_agent
from wordle_rl import cli, cli_train
from wordle_rl.config import (
    PretrainConfig,
    TrainConfig,
    parse,
    preset_names,
    read_preset,
    read_toml,
)
from wordle_rl.evaluation.suites import load_suite
from wordle_rl.records import Outcome
from wordle_rl.training import session, validation
from wordle_rl.training.algorithms import ALGORITHMS, fill_defaults
from wordle_rl.training.games import check_games
from wordle_rl.training.validation import chosen_suites

ANSWERS = f"env.options.answers={json.dumps(WORDS)}"
SMALL = ("--preset", "smoke", "--device", "cpu", "--set", "model.dtype=float32", "--set", ANSWERS)
BAR_MARKS = ("Loading weights", "Writing model shards", "it/s", "\r")
SLOW_S = 300


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str


class Command:
    """Runs `wordle-rl` in this process, as the installed script does."""

    def __init__(self, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> None:
        self.capsys = capsys
        self.patch = patch

    def __call__(self, *args: str | Path) -> Done:
        self.patch.setattr(sys, "argv", ["wordle-rl", *map(str, args)])
        self.capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            cli.main()
        shown = self.capsys.readouterr()
        code = end.value.code
        assert code is None or isinstance(code, int)
        return Done(code or 0, shown.out, shown.err)


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    return Command(capsys, monkeypatch)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny model that guesses any of the ten words."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    taught_agent().save(folder)
    return folder


@pytest.fixture(scope="module")
def finished(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished smoke run; copy it before changing it."""
    run = tmp_path_factory.mktemp("runs") / "finished"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            sys,
            "argv",
            ["wordle-rl", "train", *SMALL, "--model", str(model), "--run-dir", str(run)],
        )
        with pytest.raises(SystemExit) as end:
            cli.main()
    assert not end.value.code
    return run


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished run."""
    return shutil.copytree(finished, tmp_path / "run")


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, with its content."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def metrics(run: Path) -> list[dict[str, Any]]:
    lines = (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


# --- a whole run


def test_a_smoke_run_leaves_a_complete_folder(
    command: Command, model: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    done = command("train", *SMALL, "--model", model, "--run-dir", run, "--seed", 3)
    assert done.code == 0
    assert done.err == ""
    assert not any(mark in done.out for mark in BAR_MARKS)
    assert "step 3/3" in done.out

    names = tree(run).keys()
    assert {"config.toml", "meta.json", "metrics.jsonl", "curve.png"} <= names
    assert {f"episodes/step-{n}.{kind}" for n in (2, 3) for kind in ("txt", "jsonl")} <= names
    for step in (2, 3):
        files = {"model.safetensors", "config.json", "tokenizer.json", "trainer.pt", "trainer.json"}
        assert {f"checkpoints/step-{step}/{name}" for name in files} <= names
    assert not any(".part" in name for name in names)
    assert (run / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert [row["step"] for row in metrics(run)] == [1, 2, 3]

    saved = parse(TrainConfig, read_toml(run / "config.toml"))
    assert saved == fill_defaults(saved)
    assert (saved.train.seed, saved.train.steps, saved.model.path) == (3, 3, str(model))
    assert saved.rollout.temperature == 1.0
    assert saved.env.options["answers"] == list(WORDS)
    meta = json.loads((run / "meta.json").read_text(encoding="utf-8"))
    assert meta["command"][:2] == ["wordle-rl", "train"]
    assert {"started", "python", "packages", "git_commit", "hardware", "threads"} <= meta.keys()


def test_before_and_after_are_compared_and_json_is_all_there_is_on_stdout(
    command: Command, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(validation, "load_suite", lambda name: load_suite(name).subset(3))
    run = tmp_path / "run"
    suite = ("--set", "eval.final_suite=wordle-heldout", "--set", "eval.final_samples=1")
    done = command("train", *SMALL, "--model", model, "--run-dir", run, "--json", *suite)
    assert done.code == 0
    result = json.loads(done.out)
    assert done.out.count("\n") == 1
    assert {key: result[key] for key in ("run_dir", "step", "finished")} == {
        "run_dir": str(run),
        "step": 3,
        "finished": True,
    }
    for name in ("before", "after"):
        assert result[name]["suite"] == "wordle-heldout[3]"
        assert result[name]["greedy"]["n"] == result[name]["sampled"]["n"] == 3
    assert result["before"]["agent"] == str(model)
    assert result["gain"].keys() == {"greedy", "sampled"}
    assert result["gain"]["greedy"]["secrets"] == 3
    on_disk = json.loads((run / "eval" / "comparison.json").read_text(encoding="utf-8"))
    assert on_disk == {key: result[key] for key in ("before", "after", "gain")}
    assert "Paired gain" in done.err
    assert not any(mark in done.err for mark in BAR_MARKS)

    # The comparison of a finished run is not played again, that of a prolonged run is.
    before = tree(run / "eval")
    again = command("train", "--resume", "--run-dir", run, "--json")
    assert json.loads(again.out) == result
    assert tree(run / "eval") == before
    longer = command("train", "--resume", "--run-dir", run, "--json", "--steps", 4)
    assert (longer.code, longer.err.count("Error")) == (0, 0)
    assert json.loads(longer.out)["step"] == 4
    assert [row["step"] for row in metrics(run)] == [1, 2, 3, 4]


def test_json_without_a_comparison(command: Command, run: Path) -> None:
    done = command("train", "--resume", "--run-dir", run, "--json")
    assert json.loads(done.out) == {"run_dir": str(run), "step": 3, "finished": True}


def test_lora_by_flag(command: Command, model: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    done = command(
        *("train", *SMALL, "--model", model, "--run-dir", run, "--algo", "grpo"),
        *("--set", "lora.rank=2", "--steps", 1),
    )
    assert (done.code, done.err) == (0, "")
    saved = read_toml(run / "config.toml")
    assert (saved["lora"]["rank"], saved["train"]["algo"]) == (2, "grpo")
    assert saved["train"]["kl_coef"] == 0.04


def test_a_flag_goes_before_set_and_set_before_the_preset(
    command: Command, model: Path, tmp_path: Path
) -> None:
    done = command(
        *("train", *SMALL, "--model", model, "--run-dir", tmp_path / "run"),
        *("--set", "train.steps=2", "--set", "train.seed=7", "--steps", 1),
    )
    assert done.code == 0
    saved = read_toml(tmp_path / "run" / "config.toml")["train"]
    assert (saved["steps"], saved["seed"], saved["warmup_steps"]) == (1, 7, 1)


def test_a_preset_of_the_users_own_and_a_folder_named_after_it(
    command: Command, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    preset = tmp_path / "mine.toml"
    preset.write_text(
        "[rollout]\ntasks_per_step = 1\ngroup_size = 2\n"
        "[train]\nsteps = 1\n[eval]\nevery_steps = 0\nfinal_suite = ''\n",
        encoding="utf-8",
    )
    for n in (1, 2):
        done = command("train", "--preset", preset, "--model", model, "--device", "cpu")
        assert (done.code, done.err) == (0, "")
        assert (tmp_path / "runs" / f"mine-{n}" / "config.toml").is_file()


# --- out of memory


@pytest.mark.parametrize("name", ["evaluate", "export", "pretrain"])
def test_running_out_of_memory_is_one_line_in_any_command(
    name: str, monkeypatch: pytest.MonkeyPatch, command: Command
) -> None:
    def run(*_args: object, **_named: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    monkeypatch.setattr(cli.cli, "main", run)
    done = command(name)
    assert done.code == 1
    assert done.err.startswith("Error: out of memory: ")
    assert done.err.count("\n") == 1


def test_other_failures_keep_their_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_args: object, **_named: object) -> None:
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(cli.cli, "main", run)
    monkeypatch.setattr(sys, "argv", ["wordle-rl", "evaluate"])
    with pytest.raises(RuntimeError, match="shapes"):
        cli.main()


# --- the lists


@pytest.mark.parametrize("name", sorted(preset_names()))
def test_every_preset_loads(name: str) -> None:
    config = fill_defaults(parse(TrainConfig, read_preset(name)))
    check_games(config, "compact")
    game = (config.env.id, config.env.options)
    for names, split in ((config.eval.suite, "val"), (config.eval.final_suite, "test")):
        assert all(suite.tasks for suite in chosen_suites(names, *game, split)) or not names
    assert preset_names()[name]


def test_the_opponent_by_flag(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Command
) -> None:
    seen: list[TrainConfig] = []
    monkeypatch.setattr(cli_train, "_train", lambda config, *rest: seen.append(config))
    game = ("--env", "textarena:TicTacToe-v0", "--run-dir", str(tmp_path / "run"))
    for opponent in ("self", "perfect"):
        command("train", *game, "--opponent", opponent)
    assert [config.env.opponent for config in seen] == ["self", "perfect"]
    command("train", *game, "--preset", "tictactoe", "--opponent", "random")
    assert (seen[-1].env.opponent, seen[-1].env.options) == ("random", {"opening_moves": 7})


@pytest.mark.parametrize("env", ["guess-number", "math", "wordle=2,guess-number,math"])
def test_other_games_begin_with_a_model_that_knows_them(
    env: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Command
) -> None:
    seen: list[TrainConfig] = []
    monkeypatch.setattr(cli_train, "_train", lambda config, *rest: seen.append(config))
    where = ("--run-dir", str(tmp_path / "run"))
    command("train", *where)
    command("train", *where, "--env", env)
    command("train", *where, "--env", env, "--model", "champion")
    command("train", *where, "--env", env, "--preset", "default")
    assert [config.model.path for config in seen] == ["seedling", "nano", "champion", "seedling"]


def test_options_of_the_presets_game_are_not_handed_to_another(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Command
) -> None:
    preset = tmp_path / "mine.toml"
    preset.write_text("[env]\nid = 'wordle'\n[env.options]\nhard_mode = false\n")
    seen: list[TrainConfig] = []
    monkeypatch.setattr(cli_train, "_train", lambda config, *rest: seen.append(config))
    for flags in ([], ["--env", "wordle"], ["--env", "wordle-hard"]):
        command("train", "--preset", str(preset), "--run-dir", str(tmp_path / "run"), *flags)
    assert [config.env.options for config in seen] == [{"hard_mode": False}] * 2 + [{}]


def test_the_lists_name_everything(command: Command) -> None:
    listed = {name: command(name).out for name in ("algos", "presets", "envs")}
    assert all(f"{name} " in listed["algos"] for name in ALGORITHMS)
    assert all(name in listed["presets"] for name in preset_names())
    assert "wordle-rl/Wordle-v0" in listed["envs"]


# --- bad input: one line, the right exit code, nothing written


BAD = {
    "unknown preset": (["--preset", "smok"], 2, "unknown preset 'smok': did you mean 'smoke'?"),
    "missing preset file": (["--preset", "nowhere/x.toml"], 2, "no such file: 'nowhere/x.toml'"),
    "unknown key": (["--set", "train.stepz=3"], 2, "did you mean 'train.steps'?"),
    "unknown section": (["--set", "trian.steps=3"], 2, "unknown setting 'trian'"),
    "bad value": (["--set", "train.steps=0"], 2, "setting train.steps=0"),
    "value of another type": (["--set", "train.lr=fast"], 2, "setting train.lr='fast'"),
    "no value": (["--set", "train.steps"], 2, "--set 'train.steps': write it as"),
    "a section as a value": (["--set", "train=5", "--steps", "3"], 2, "'train' is a value"),
    "unknown algorithm": (["--algo", "dr_gpro"], 2, "did you mean 'dr_grpo'?"),
    "unknown game": (["--env", "wordel"], 2, "unknown game 'wordel': did you mean 'wordle'?"),
    "no such class": (["--env", "wordle_rl.envs.wordle:Wordel"], 2, "did you mean 'WordleEnv'?"),
    "unknown reward": (["--set", "env.reward=binray"], 2, "did you mean 'binary'?"),
    "unknown option": (["--set", "env.options.hardmode=true"], 2, "did you mean 'hard_mode'?"),
    "option set twice": (["--set", "env.options.split=val"], 2, "env.options.split"),
    "unknown suite": (["--set", "eval.final_suite=wordle-tset"], 2, "unknown suite"),
    "no such device": (["--device", "cuda:99"], 2, "device 'cuda:99' is not available"),
    "unknown model": (["--model", "nanoo"], 2, "did you mean 'nano'?"),
    "missing model folder": (["--model", "no/such/folder"], 1, "no folder 'no/such/folder'"),
    "a folder without a model": (["--model", "EMPTY"], 1, "has no config.json"),
    "a model without a template": (["--model", "PLAIN"], 1, "has no chat template"),
    "a model that is cut short": (["--model", "CUT"], 1, "cannot load model"),
    "bad words": (["--set", "env.options.answers=WORDS"], 2, "words.txt:2: 'cr4ne'"),
    "missing words": (["--set", "env.options.answers=no.txt"], 2, "no.txt: cannot be read"),
    "nothing to resume": (["--resume"], 1, "no run to resume in"),
    "resume with a preset": (["--resume", "--preset", "smoke"], 2, "leave out '--preset'"),
}


@pytest.fixture
def places(model: Path, tmp_path: Path) -> dict[str, str]:
    """What stands in the arguments for something on disk."""
    plain = shutil.copytree(model, tmp_path / "plain")
    (plain / "chat_template.jinja").unlink()
    cut = shutil.copytree(model, tmp_path / "cut")
    weights = cut / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    (tmp_path / "empty").mkdir()
    words = tmp_path / "words.txt"
    words.write_text("crane\ncr4ne\n", encoding="utf-8")
    return {
        "EMPTY": str(tmp_path / "empty"),
        "PLAIN": str(plain),
        "CUT": str(cut),
        "WORDS": str(words),
    }


@pytest.mark.parametrize("kind", BAD)
def test_bad_input_is_one_line_and_writes_nothing(
    kind: str, command: Command, model: Path, places: dict[str, str], tmp_path: Path
) -> None:
    given, code, message = BAD[kind]
    for name, path in places.items():
        given = [arg.replace(name, path) for arg in given]
    defaults = {"--preset": "smoke", "--model": str(model), "--device": "cpu"}
    if "--resume" in given:
        defaults = {}
    args = [part for pair in defaults.items() if pair[0] not in given for part in pair]
    run = tmp_path / "run"
    done = command("train", "--run-dir", run, *args, *given)
    assert message in done.err
    assert done.err.startswith("Error: ")
    assert done.err.count("\n") == 1
    assert done.out == ""
    assert done.code == code
    assert not run.exists()


def test_wrong_usage_is_told_by_click(command: Command) -> None:
    done = command("train", "--steps", "0")
    assert (done.code, done.out) == (2, "")
    assert "Invalid value for '--steps'" in done.err
    done = command("trian")
    assert done.code == 2
    assert "did you mean 'train'?" in done.err


def test_a_run_folder_is_never_overwritten(command: Command, model: Path, run: Path) -> None:
    before = tree(run)
    done = command("train", *SMALL, "--model", model, "--run-dir", run)
    assert done.code == 1
    assert done.err.startswith(f"Error: run folder {str(run)!r} already holds a run: use --resume")
    assert done.err.count("\n") == 1
    assert tree(run) == before


def test_other_files_are_never_overwritten(command: Command, model: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    done = command("train", *SMALL, "--model", model, "--run-dir", tmp_path)
    assert (done.code, done.out) == (1, "")
    assert "is not empty" in done.err
    assert tree(tmp_path).keys() == {"notes.txt"}


def test_a_corrupt_checkpoint_is_one_line_and_stays(command: Command, run: Path) -> None:
    broken = run / "checkpoints" / "step-3" / "trainer.pt"
    broken.write_bytes(b"PK\x03\x04 not what it was")
    before = tree(run)
    done = command("train", "--resume", "--run-dir", run)
    assert done.code == 1
    assert done.err.startswith("Error: cannot read checkpoint ")
    assert done.err.count("\n") == 1
    assert tree(run) == before


@pytest.mark.parametrize("content", ["", "{}", '{"threads": "many"}', None])
def test_a_run_without_its_thread_count(content: str | None, command: Command, run: Path) -> None:
    meta = run / "meta.json"
    meta.unlink() if content is None else meta.write_text(content, encoding="utf-8")
    done = command("train", "--resume", "--run-dir", run)
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert "meta.json" in done.err


def test_a_disk_error_is_one_line(
    command: Command, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(session, "open_run", full)
    done = command("train", *SMALL, "--model", model, "--run-dir", tmp_path / "run")
    assert (done.code, done.err) == (1, "Error: [Errno 28] No space left on device\n")


@pytest.mark.parametrize("place", [0, -1])
def test_debug_shows_the_traceback_before_the_line(place: int, command: Command) -> None:
    args = ["train", "--preset", "smok"]
    args.insert(len(args) if place else 0, "--debug")
    done = command(*args)
    assert done.code == 2
    assert done.err.startswith("Traceback (most recent call last):")
    assert "in read_preset" in done.err
    assert done.err.splitlines()[-1].startswith("Error: unknown preset 'smok'")


# --- which run is resumed


def started(folder: Path, config: str, age_s: float) -> None:
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text(config, encoding="utf-8")
    then = time.time() - age_s
    os.utime(folder / "config.toml", (then, then))


def test_a_run_is_named_after_its_preset_dots_and_all(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    seen: list[str] = []

    def remember(config: Any, run: Any, **options: Any) -> session.TrainingResult:
        seen.append(run.path.as_posix())
        return session.TrainingResult(outcome=session.Outcome(step=1, finished=True))

    def imitate(*given: Any, **options: Any) -> session.Outcome:
        return remember(*given, **options).outcome

    monkeypatch.setattr(session, "run_training", remember)
    monkeypatch.setattr(session, "run_pretraining", imitate)
    (tmp_path / "my.v2.toml").write_text("")
    (tmp_path / "runs" / "default-1").mkdir(parents=True)
    for preset in (["--preset", "qwen3-0.6b"], ["--preset", "my.v2.toml"], []):
        assert command("train", *preset).code == 0
    assert command("pretrain", "--preset", "my.v2.toml").code == 0
    assert command("pretrain", "--env", "math").code == 0
    assert seen == [
        "runs/qwen3-0.6b-1",
        "runs/my.v2-1",
        "runs/default-2",
        "runs/pretrain-my.v2-1",
        "runs/pretrain-1",
    ]


def test_without_a_name_the_newest_run_of_the_command_goes_on(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "no run to resume under runs/" in command("train", "--resume").err
    started(tmp_path / "runs" / "old", "[train]\nseed = 1\n", 200)
    started(tmp_path / "runs" / "new", "[train]\nseed = 2\n", 100)
    started(tmp_path / "runs" / "imitation", "steps = 3\n", 0)
    seen: list[tuple[TrainConfig, str]] = []

    def remember(config: TrainConfig, run: Any, **options: Any) -> session.TrainingResult:
        seen.append((config, run.path.as_posix()))
        assert options["resume"]
        outcome = session.Outcome(step=1, finished=True)
        return session.TrainingResult(outcome=outcome)

    monkeypatch.setattr(session, "run_training", remember)
    assert command("train", "--resume").code == 0
    assert command("train", "--resume", "--run-dir", "runs/old").code == 0
    assert [path for _, path in seen] == ["runs/new", "runs/old"]
    assert [config.train.seed for config, _ in seen] == [2, 1]
    done = command("train", "--resume", "--run-dir", "runs/imitation")
    assert (done.code, len(seen)) == (1, 2)
    assert "was started by wordle-rl pretrain" in done.err


@pytest.mark.parametrize(
    "given", [["--seed", "1"], ["--set", "train.lr=1"], ["--model", "nano"], ["--algo", "grpo"]]
)
def test_a_resumed_run_keeps_its_settings(given: list[str], command: Command, run: Path) -> None:
    done = command("train", "--resume", "--run-dir", run, *given)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "--resume takes its settings from the run folder" in done.err


# --- Ctrl-C


def start(*args: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "wordle_rl.cli", *map(str, args)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def test_ctrl_c_saves_and_says_how_to_go_on_and_the_run_goes_on(
    command: Command, model: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    process = start("train", *SMALL, "--model", model, "--run-dir", run, "--steps", "100000")
    try:
        until = time.monotonic() + SLOW_S
        while not (run / "metrics.jsonl").is_file() or len(metrics(run)) < 2:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < until, "no step in five minutes"
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=SLOW_S)
    finally:
        process.kill()
    assert process.returncode == 130, err
    steps = len(metrics(run))
    assert (run / "checkpoints" / f"step-{steps}" / "trainer.pt").is_file()
    assert out.splitlines()[-1] == (
        f"stopped after step {steps}; saved. Go on with: wordle-rl train --resume --run-dir {run}"
    )
    assert "Traceback" not in err
    assert (run / "curve.png").is_file()

    before = metrics(run)
    done = command("train", "--resume", "--run-dir", run, "--steps", steps + 2)
    assert (done.code, done.err) == (0, "")
    assert metrics(run)[:steps] == before
    assert [row["step"] for row in metrics(run)] == [*range(1, steps + 3)]


def test_a_new_number_of_steps_is_remembered(command: Command, run: Path) -> None:
    """The way back that Ctrl-C tells leads to the same end."""
    assert command("train", "--resume", "--run-dir", run, "--steps", 5).code == 0
    assert read_toml(run / "config.toml")["train"]["steps"] == 5
    shutil.rmtree(run / "checkpoints" / "step-5")
    assert command("train", "--resume", "--run-dir", run).code == 0
    assert [row["step"] for row in metrics(run)] == [1, 2, 3, 4, 5]


def test_a_second_ctrl_c_stops_at_once_and_still_says_how_to_go_on(
    command: Command, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def twice(*args: object, **kwargs: object) -> None:
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.01)

    loop = replace(session.loop_of("dr_grpo"), train=twice)
    monkeypatch.setattr(session, "loop_of", lambda algo: loop)
    handler = signal.getsignal(signal.SIGINT)
    run = tmp_path / "a run"
    done = command("train", *SMALL, "--model", model, "--run-dir", run)
    assert (done.code, done.err) == (130, "")
    last = done.out.splitlines()[-1]
    assert last == f"stopped at once. Go on with: wordle-rl train --resume --run-dir '{run}'"
    assert signal.getsignal(signal.SIGINT) is handler


def test_ctrl_c_during_the_comparison_says_how_to_go_on(
    command: Command, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(session, "compare", interrupted)
    config = (run / "config.toml").read_text(encoding="utf-8")
    with_suite = config.replace('final_suite = ""', 'final_suite = "wordle-val"')
    assert with_suite != config
    (run / "config.toml").write_text(with_suite, encoding="utf-8")
    done = command("train", "--resume", "--run-dir", run)
    assert (done.code, done.err) == (130, "")
    assert "Go on with: wordle-rl train --resume" in done.out


# --- pretrain


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["--set", "stepz=3"], 2, "did you mean 'steps'?"),
        (["--set", "width=33"], 2, "setting width=33"),
        (["--set", "env=chess"], 2, "unknown game 'chess'"),
        (["--set", "model=nanoo"], 2, "did you mean 'nano'?"),
        (["--resume"], 1, "no run to resume in"),
        (["--resume", "--steps", "3"], 2, "--resume takes its settings"),
    ],
)
def test_bad_input_to_pretrain(
    args: list[str], code: int, message: str, command: Command, tmp_path: Path
) -> None:
    done = command("pretrain", "--run-dir", tmp_path / "run", *args)
    assert (done.code, done.out, done.err.count("\n")) == (code, "", 1)
    assert message in done.err
    assert not (tmp_path / "run").exists()


def test_train_sft_is_pretrain(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[PretrainConfig] = []

    def note(config: PretrainConfig, *rest: object, **more: object) -> Outcome:
        asked.append(config)
        return Outcome(step=1, finished=True)

    monkeypatch.setattr(session, "run_pretraining", note)
    flags = ("--env", "guess-number", "--steps", "3", "--seed", "5", "--set", "muon_lr=0.01")
    for words in (("pretrain",), ("train", "--algo", "sft")):
        assert command(*words, "--run-dir", tmp_path / "a", *flags).code == 0
    assert (
        asked[0]
        == asked[1]
        == parse(PretrainConfig, {"env": "guess-number", "steps": 3, "seed": 5, "muon_lr": 0.01})
    )
    refused = command("train", "--algo", "sft", "--preset", "smoke")
    assert refused.code == 2
    assert "unknown preset 'smoke'" in refused.err, "those of pretrain are others"
    inner = command("train", "--set", "train.algo=sft", "--run-dir", tmp_path / "b")
    assert inner.code == 2
    assert "`wordle-rl pretrain`" in inner.err


def test_pretrain_that_was_interrupted_exits_130(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(config: PretrainConfig, run: Any, **options: Any) -> session.Outcome:
        return session.Outcome(step=1, finished=config.steps == 1)

    monkeypatch.setattr(session, "run_pretraining", stop)
    assert command("pretrain", "--run-dir", tmp_path / "a", "--steps", "2").code == 130
    assert command("pretrain", "--run-dir", tmp_path / "a", "--steps", "1").code == 0
