"""The evaluator with a scripted agent: what is played, kept, resumed and refused."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from wordle_rl.agents.base import Move, Opening, View
from wordle_rl.agents.baselines import load_baseline
from wordle_rl.envs.base import Style, TextEnv
from wordle_rl.envs.wordle import WordleEnv
from wordle_rl.errors import ConfigError, RunError
from wordle_rl.evaluation import evaluator
from wordle_rl.evaluation.evaluator import evaluate, report_json
from wordle_rl.evaluation.games import GameRecord, read_games
from wordle_rl.evaluation.suites import load_suite
from wordle_rl.seeding import generator

SUITE = load_suite("wordle-val").subset(10)


@dataclass
class Scripted:
    """Plays a word that its seed picks; stops the process after `moves_left` moves."""

    name: str = "scripted"
    style: Style = "compact"
    moves_left: int = 10_000
    begun: list[int] = field(default_factory=list)
    temperatures: list[float] = field(default_factory=list)
    bad: str | None = None

    def begin(self, openings: Sequence[Opening], *, temperature: float) -> "ScriptedPlayer":
        self.begun.append(len(openings))
        self.temperatures.append(temperature)
        return ScriptedPlayer(self, [opening.seed for opening in openings])


@dataclass
class ScriptedPlayer:
    agent: Scripted
    seeds: list[int]

    def act(self, views: Mapping[int, View]) -> Mapping[int, Move]:
        return {game: self.move(game, view.info["turn"]) for game, view in views.items()}

    def move(self, game: int, turn: int) -> Move:
        self.agent.moves_left -= 1
        if self.agent.moves_left < 0:
            raise KeyboardInterrupt
        words = [*SUITE.secrets, "xyzzy"]
        word = words[int(generator(self.seeds[game], turn).integers(len(words)))]
        return Move(action=self.agent.bad or word)


def games_in(folder: Path) -> list[GameRecord]:
    return read_games(folder / "games.jsonl")


def test_every_secret_is_played_greedily_once_and_sampled() -> None:
    agent, seen = Scripted(), list[GameRecord]()
    report = evaluate(agent, SUITE, samples=3, temperature=0.7, on_game=seen.append)
    assert report.greedy is not None
    assert report.sampled is not None
    assert (report.greedy.n, report.greedy.secrets) == (10, 10)
    assert (report.sampled.n, report.sampled.secrets) == (30, 10)
    assert agent.temperatures == [0.0, 0.7]
    keys = [(game["mode"], game["secret"], game["sample"]) for game in seen]
    assert len(set(keys)) == len(keys) == 40
    assert report.suite_hash == SUITE.suite_hash


def test_the_suites_own_rules_are_played() -> None:
    seen: list[GameRecord] = []
    evaluate(Scripted(bad="no guess at all"), SUITE, samples=0, on_game=seen.append)
    assert {game["n_guesses"] for game in seen} == {SUITE.protocol.max_guesses}
    assert {status for game in seen for status in game["statuses"]} == {"no_guess"}


def test_greedy_alone_and_sampled_alone() -> None:
    assert evaluate(Scripted(), SUITE, samples=0).sampled is None
    assert evaluate(Scripted(), SUITE, samples=1, greedy=False).greedy is None


@pytest.mark.parametrize("batch_games", [1, 3, 512])
def test_the_size_of_a_batch_changes_no_game(batch_games: int) -> None:
    agent = Scripted()
    whole = evaluate(Scripted(), SUITE, samples=2)
    assert evaluate(agent, SUITE, samples=2, batch_games=batch_games) == whole
    assert max(agent.begun) <= batch_games
    assert sum(agent.begun) == 30


def test_the_seed_changes_the_games() -> None:
    assert evaluate(Scripted(), SUITE, seed=1) != evaluate(Scripted(), SUITE, seed=0)


def test_a_game_of_a_subset_is_the_game_of_the_suite(tmp_path: Path) -> None:
    whole, some = list[GameRecord](), list[GameRecord]()
    evaluate(Scripted(), SUITE, samples=1, on_game=whole.append)
    report = evaluate(Scripted(), SUITE, samples=1, limit=3, on_game=some.append)
    assert len(some) == 6
    assert all(game in whole for game in some)
    assert report.suite == f"{SUITE.name}[3]"
    assert report.suite_hash != SUITE.suite_hash


def test_a_report_as_json() -> None:
    plain = json.loads(json.dumps(report_json(evaluate(Scripted(), SUITE, samples=0))))
    assert list(plain) == ["agent", "suite", "suite_hash", "greedy", "sampled", "protocol"]
    assert plain["sampled"] is None
    for key in ("win_rate", "score", "mean_guesses"):
        assert set(plain["greedy"][key]) == {"value", "low", "high"}
    assert list(plain["greedy"]["histogram"]) == ["1", "2", "3", "4", "5", "6", "lost"]
    assert {"n", "invalid_rate"} <= set(plain["greedy"])


# --- games.jsonl and summary.json


def test_a_summary_is_the_report(tmp_path: Path) -> None:
    report = evaluate(Scripted(), SUITE, samples=1, out_dir=tmp_path)
    assert json.loads((tmp_path / "summary.json").read_text()) == report_json(report)
    assert len(games_in(tmp_path)) == 20
    assert sorted(path.name for path in tmp_path.iterdir()) == ["games.jsonl", "summary.json"]


@pytest.mark.parametrize("moves", [0, 1, 40, 120])
def test_a_stopped_evaluation_goes_on_to_the_same_summary(tmp_path: Path, moves: int) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    evaluate(Scripted(), SUITE, samples=2, out_dir=whole, batch_games=4)
    with pytest.raises(KeyboardInterrupt):
        evaluate(Scripted(moves_left=moves), SUITE, samples=2, out_dir=cut, batch_games=4)
    assert not (cut / "summary.json").exists()
    kept = games_in(cut)
    agent, seen = Scripted(), list[GameRecord]()
    evaluate(agent, SUITE, samples=2, out_dir=cut, batch_games=4, on_game=seen.append)
    assert sum(agent.begun) == 30 - len(kept)
    assert len(seen) == len(games_in(cut)) == 30
    assert (cut / "summary.json").read_bytes() == (whole / "summary.json").read_bytes()


KILLED = """
import os, signal, sys
from wordle_rl.agents.baselines import load_baseline
from wordle_rl.evaluation.evaluator import evaluate
from wordle_rl.evaluation.suites import load_suite

def die(game, seen=[]):
    seen.append(game)
    if len(seen) == 17:
        os.kill(os.getpid(), signal.SIGKILL)

suite = load_suite("wordle-val").subset(10)
evaluate(load_baseline("random"), suite, samples=2, out_dir=sys.argv[1], batch_games=4, on_game=die)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_killed_evaluation_loses_no_game_that_had_ended(tmp_path: Path) -> None:
    whole, cut, random = tmp_path / "whole", tmp_path / "cut", load_baseline("random")
    evaluate(random, SUITE, samples=2, out_dir=whole)
    assert subprocess.run([sys.executable, "-c", KILLED, str(cut)], check=False).returncode == -9
    assert len(games_in(cut)) == 17
    evaluate(random, SUITE, samples=2, out_dir=cut)
    assert len(games_in(cut)) == 30
    assert (cut / "summary.json").read_bytes() == (whole / "summary.json").read_bytes()


def test_a_finished_evaluation_plays_nothing_again(tmp_path: Path) -> None:
    evaluate(Scripted(), SUITE, out_dir=tmp_path)
    before = (tmp_path / "games.jsonl").read_bytes()
    again = Scripted()
    evaluate(again, SUITE, out_dir=tmp_path)
    assert again.begun == []
    assert (tmp_path / "games.jsonl").read_bytes() == before


def test_more_samples_are_added_to_those_there_are(tmp_path: Path) -> None:
    evaluate(Scripted(), SUITE, samples=1, out_dir=tmp_path)
    agent = Scripted()
    report = evaluate(agent, SUITE, samples=3, out_dir=tmp_path)
    assert sum(agent.begun) == 20
    assert report == evaluate(Scripted(), SUITE, samples=3)


@pytest.mark.parametrize("torn", ['{"mode": "gre', "", '{"mode": "greedy"}'])
def test_a_half_written_last_line_is_played_again(tmp_path: Path, torn: str) -> None:
    report = evaluate(Scripted(), SUITE, samples=1, out_dir=tmp_path)
    log = tmp_path / "games.jsonl"
    whole = log.read_text()
    lines = whole.splitlines(keepends=True)
    log.write_text("".join(lines[:-1]) + torn)
    agent = Scripted()
    assert evaluate(agent, SUITE, samples=1, out_dir=tmp_path) == report
    assert sum(agent.begun) == 1
    assert log.read_text() == whole


def test_a_half_written_header_is_written_again(tmp_path: Path) -> None:
    evaluate(Scripted(), SUITE, samples=0, out_dir=tmp_path)
    log = tmp_path / "games.jsonl"
    whole = log.read_text()
    log.write_text(whole[:20])
    evaluate(Scripted(), SUITE, samples=0, out_dir=tmp_path)
    assert log.read_text() == whole


@dataclass
class Fingerprinted(Scripted):
    fingerprint: str = "weights 1"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"agent": Scripted(name="other")}, "agent 'scripted', not 'other'"),
        ({"agent": Fingerprinted()}, "agent 'scripted', not 'weights 1'"),
        ({"suite": SUITE.subset(3)}, "suite 'wordle-val.10.', not 'wordle-val.10..3.'"),
        ({"seed": 1}, "seed 0, not 1"),
        ({"temperature": 0.5}, "temperature 1.0, not 0.5"),
    ],
)
def test_the_games_of_another_evaluation_are_left_alone(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    evaluate(Scripted(), SUITE, samples=1, out_dir=tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    settings: dict[str, Any] = {"agent": Scripted(), "suite": SUITE, "samples": 1, **change}
    with pytest.raises(RunError, match=message):
        evaluate(**settings, out_dir=tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_fingerprint_is_what_counts(tmp_path: Path) -> None:
    evaluate(Fingerprinted(name="runs/a"), SUITE, samples=0, out_dir=tmp_path)
    moved = Fingerprinted(name="runs/b")
    assert evaluate(moved, SUITE, samples=0, out_dir=tmp_path).agent == "runs/b"
    assert moved.begun == []


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda lines: [lines[0], "{broken\n", *lines[2:]], "games.jsonl:2: not a recorded game"),
        (lambda lines: [lines[0], "{}\n", *lines[2:]], "games.jsonl:2: not a recorded game"),
        (lambda lines: lines[1:], "games.jsonl:1: not a recorded header"),
        (lambda lines: ["my notes"], "not a file of recorded games"),
    ],
)
def test_a_damaged_or_foreign_file_is_left_alone(
    tmp_path: Path, damage: Callable[[list[str]], list[str]], message: str
) -> None:
    evaluate(Scripted(), SUITE, samples=0, out_dir=tmp_path)
    log = tmp_path / "games.jsonl"
    log.write_text("".join(damage(log.read_text().splitlines(keepends=True))))
    before = log.read_bytes()
    with pytest.raises(RunError, match=message):
        evaluate(Scripted(), SUITE, samples=0, out_dir=tmp_path)
    assert log.read_bytes() == before


# --- failures


class Breaks(WordleEnv):
    """A game that fails on one secret."""

    def _move(self, action: str) -> tuple[str, float, bool, dict[str, Any]]:
        if self._secret == SUITE.secrets[0] and self._turn == 1:
            raise RuntimeError("the board fell over")
        return super()._move(action)


def test_a_game_that_fails_is_a_recorded_loss(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(env_id: str, **options: Any) -> TextEnv:
        return Breaks(**options)

    monkeypatch.setattr(evaluator, "make_env", build)
    report = evaluate(Scripted(bad="crane"), SUITE, samples=0, out_dir=tmp_path)
    assert report.greedy is not None
    assert (report.greedy.n, report.greedy.errors) == (10, 1)
    failed = [game for game in games_in(tmp_path) if game["error"]]
    assert [game["secret"] for game in failed] == [SUITE.secrets[0]]
    assert failed[0]["error"] == "RuntimeError: the board fell over"
    assert failed[0]["stop_reason"] == "error"
    assert not failed[0]["solved"]
    assert failed[0]["guesses"] == ["crane"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"samples": 0, "greedy": False}, "nothing to play"),
        ({"samples": -1}, "cannot be negative"),
        ({"temperature": -0.1}, "cannot be negative"),
        ({"batch_games": 0}, "nor a batch empty"),
        ({"limit": 0}, "at least one secret"),
    ],
)
def test_senseless_numbers_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        evaluate(Scripted(), SUITE, **settings)


def test_evaluation_does_not_import_torch() -> None:
    modules = ["evaluator", "suites", "metrics", "paired", "report", "replay"]
    imports = ", ".join(f"wordle_rl.evaluation.{name}" for name in modules)
    code = f"import sys, {imports}, wordle_rl.agents.loading; print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "'wordle_rl.evaluation.evaluator'" in done.stdout
    for heavy in ("torch", "transformers", "matplotlib"):
        assert f"'{heavy}'" not in done.stdout


# --- several processes


class Threads:
    """Two workers as threads: what one hands in, both get."""

    def __init__(self) -> None:
        self.barrier = threading.Barrier(2)
        self.parts: list[list[Any]] = [[], []]

    def worker(self, rank: int) -> Any:
        def together(mine: list[Any]) -> list[Any]:
            self.parts[rank] = list(mine)
            self.barrier.wait(60)
            both = [*self.parts[0], *self.parts[1]]
            self.barrier.wait(60)
            return both

        return SimpleNamespace(
            count=2,
            share=lambda items: list(items[rank::2]),
            together=together,
            from_first=lambda make: together([make()] if rank == 0 else [])[0],
        )


def test_workers_share_the_games_and_have_the_whole_report(tmp_path: Path) -> None:
    suite = load_suite("wordle-val").subset(5)
    alone = evaluate(Scripted(), suite, samples=1)
    threads = Threads()
    played: list[list[str]] = [[], []]

    def play(rank: int) -> Any:
        return evaluate(
            Scripted(),
            suite,
            samples=1,
            out_dir=tmp_path if rank == 0 else None,
            on_game=lambda game: played[rank].append(game["secret"]),
            batch_games=2,
            workers=threads.worker(rank),
        )

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(play, range(2))
        again, other = pool.map(play, range(2))
    assert first == second == again == other == alone
    assert sorted(played[0]) == sorted(played[1])
    assert len(played[0]) == 20, "the games of the second round are those on disk"
    assert len(read_games(tmp_path / "games.jsonl")) == 10
