"""docs/dashboard.md explains every number that a run can log, and none that it cannot."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.preference_files import file_of_games, won_over_lost
from tests.ten_words import Watcher, taught_agent, ten_word_config, ten_word_settings
from tests.test_trainer import run_in
from wordle_rl.agents.api_client import ChatReply
from wordle_rl.config import PretrainConfig
from wordle_rl.evaluation.suites import load_suite
from wordle_rl.run_dir import RunDir
from wordle_rl.training import collapse
from wordle_rl.training.judge import Judge, Prompt
from wordle_rl.training.pair_methods import complete_pairs
from wordle_rl.training.pair_trainer import train_on_pairs
from wordle_rl.training.reply_cache import ReplyCache
from wordle_rl.training.reward_model import RewardModel
from wordle_rl.training.reward_trainer import train_reward_model
from wordle_rl.training.rubrics import Rubric
from wordle_rl.training.scoring import WeightedScorer
from wordle_rl.training.sft import pretrain
from wordle_rl.training.trainer import train
from wordle_rl.training.validation import validator

PAGE = Path(__file__).parents[1] / "docs" / "dashboard.md"
ROW = re.compile(r"^\| (`[a-z]+/[^|]*)\|([^|]*)\|[^|]*\|[^|]*\|$", re.MULTILINE)
RUNS = (
    ("train.algo=dr_grpo", "eval.every_steps=1"),
    ("train.algo=course", "env.reward=shaped"),
    ("train.algo=ppo",),
    ("train.algo=trpo",),
    ("train.algo=dapo",),
    ("train.distill_coef=1",),
    (
        "tasks.curriculum_start=3",
        "tasks.midgame_share=0.5",
        "tasks.replay_share=0.5",
        "train.steps=2",
    ),
)
"""Between them every part of training that logs something of its own."""
OPEN = {
    r"rollout/reward_(?!spread$).+": "rollout/reward_<part>",
    r"rollout/win_rate_.+": "rollout/win_rate_<origin>",
    r"eval/.+/greedy_.+": "eval/<suite>/greedy_...",
}
"""Names of which there are as many as a user likes."""
ELSEWHERE = {"rollout/draw_rate", "eval/greedy_draw_rate", "eval/<suite>/greedy_..."}
"""Of games for two and of several suites: `test_rollout_metrics` and `test_validation`."""


def test_every_logged_metric_has_its_row_and_every_row_is_logged(tmp_path: Path) -> None:
    logged = {general(name) for name in logged_names(tmp_path)} - {"step"}
    rows = {name for names, _ in ROW.findall(PAGE.read_text()) for name in named(names)}
    assert logged - rows == set()
    assert rows - logged - ELSEWHERE == set()


def test_every_row_says_what_it_is() -> None:
    for names, meaning in ROW.findall(PAGE.read_text()):
        assert len(meaning.split()) > 2, names


def test_the_page_names_the_metrics_that_are_warned_of() -> None:
    source = Path(collapse.__file__).read_text(encoding="utf-8")
    warned = {name for name in re.findall(r'"((?:train|rollout)/[a-z_]+)"', source)}
    assert len(warned) > 10
    for name in warned - {"rollout/answer_tokens_"}:
        assert f"`{name}`" in PAGE.read_text(), name


def named(cell: str) -> list[str]:
    return re.findall(r"`([a-z]+/[^`]+)`", cell)


def general(name: str) -> str:
    return next((shape for pattern, shape in OPEN.items() if re.fullmatch(pattern, name)), name)


def logged_names(folder: Path) -> Iterator[str]:
    suite = load_suite("wordle-val").subset(2)
    for i, overrides in enumerate(RUNS):
        config = ten_word_config("train.steps=1", *overrides)
        run_in(folder / str(i), config, validate=validator([suite]))
    judged(folder / "judged")
    imitated(folder / "imitated")
    paired(folder / "paired")
    rewarded(folder / "rewarded")
    for path in folder.glob("*/metrics.jsonl"):
        for line in path.read_text(encoding="utf-8").splitlines():
            yield from json.loads(line)


@dataclass(frozen=True)
class Generous:
    """A judge that finds every game good."""

    identity: str = "generous"

    def ask(self, prompts: Sequence[Prompt]) -> Iterator[tuple[int, ChatReply | str]]:
        for i in range(len(prompts)):
            yield (
                i,
                ChatReply(
                    text="SCORE: 8", finish_reason="stop", prompt_tokens=1, completion_tokens=1
                ),
            )


def judged(folder: Path) -> None:
    run = RunDir(folder)
    run.create("", {})
    rubric = Rubric(instruction="Grade the play.")
    judge = Judge(backend=Generous(), rubric=rubric, cache=ReplyCache(folder / "c.sqlite"))
    scorers = [WeightedScorer(name="judge", weight=0.2, scorer=judge)]
    config = ten_word_config("train.steps=1")
    train(taught_agent(), config, run, display=Watcher(), scorers=scorers)


def imitated(folder: Path) -> None:
    run = RunDir(folder)
    run.create("", {})
    config = PretrainConfig(
        env="guess-number", steps=1, games_per_step=2, eval_every_steps=0, dtype="float32"
    )
    pretrain(taught_agent(), config, run)


def paired(folder: Path) -> None:
    run = RunDir(folder)
    run.create("", {})
    path = file_of_games(folder)
    config = ten_word_config("train.algo=dpo", f'preference.path="{path}"', "train.steps=1")
    train_on_pairs(taught_agent(), config, run, display=Watcher())


def rewarded(folder: Path) -> None:
    """A reward model is trained for two steps, then games are played for it."""
    run = RunDir(folder)
    run.create("", {})
    model = RewardModel(taught_agent())
    algo = ("train.algo=reward-model", "preference.held_out=0.3", "eval.every_steps=1")
    config = complete_pairs(ten_word_settings(*algo, "train.steps=2"))
    train_reward_model(model, won_over_lost(), config, run, display=Watcher())
    after = RunDir(folder.with_name("scored"))
    after.create("", {})
    scorers = [WeightedScorer(name="model", weight=1.0, scorer=model)]
    train(
        taught_agent(),
        ten_word_config("train.steps=1"),
        after,
        display=Watcher(),
        scorers=scorers,
    )
