"""`wordle-rl judge-check`: known games, the AUC of a judge on them, and what is printed."""

import json
import re
from dataclasses import replace
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from tests.chat_server import ChatServer, Request, Response, completion
from tests.played import LOST, OTHER_GAME, TASK, WON
from wordle_rl.agents.loading import load_agent
from wordle_rl.cli import cli
from wordle_rl.errors import ConfigError, RunError, WordleRLError
from wordle_rl.evaluation.agreement import ScoredGame, agreement
from wordle_rl.evaluation.evaluator import evaluate
from wordle_rl.evaluation.games import game_record
from wordle_rl.evaluation.replay import Record
from wordle_rl.evaluation.suites import load_suite
from wordle_rl.records import EpisodeGroup
from wordle_rl.training.game_files import write_games
from wordle_rl.training.known_games import KnownGame, choose, play_known_games, read_known_games


def scored(*rows: tuple[str, str, bool, float]) -> list[ScoredGame]:
    return [ScoredGame(suite=a, secret=b, won=c, score=d) for a, b, c, d in rows]


def numbers(games: list[ScoredGame], seed: int = 0) -> tuple[float, float, float]:
    """The AUC and the ends of its interval."""
    auc = agreement(games, seed=seed).auc
    assert auc.value is not None
    assert auc.low is not None
    assert auc.high is not None
    return auc.value, auc.low, auc.high


# --- the figure


def test_auc_by_hand() -> None:
    games = scored(
        ("s", "a", True, 0.9),
        ("s", "b", True, 0.5),
        ("s", "c", False, 0.5),
        ("s", "d", False, 0.1),
        ("s", "e", False, 0.7),
    )
    result = agreement(games)
    # 0.9 beats all three; 0.5 ties one, beats one, loses to one
    assert result.auc.value == pytest.approx((3 + 0.5 + 1 + 0) / 6)
    assert (result.pairs, result.won, result.lost) == (6, 2, 3)
    assert (result.mean_won, result.mean_lost) == pytest.approx((0.7, 1.3 / 3))
    value, low, high = numbers(games)
    assert low <= value <= high


def test_auc_equals_a_count_over_all_pairs() -> None:
    rng = np.random.default_rng(0)
    games = scored(
        *(
            (str(rng.integers(3)), str(n % 20), bool(rng.integers(2)), float(rng.integers(5)))
            for n in range(80)
        )
    )
    won, lost = ([g for g in games if g.won is w] for w in (True, False))
    pairs = [(a.score, b.score) for a, b in product(won, lost) if a.suite == b.suite]
    wanted = sum((a > b) + 0.5 * (a == b) for a, b in pairs) / len(pairs)
    assert agreement(games).auc.value == pytest.approx(wanted)
    assert agreement(games).pairs == len(pairs)


def test_only_games_of_one_suite_are_compared() -> None:
    apart = scored(("easy", "a", True, 0.1), ("hard", "b", False, 0.9))
    assert agreement(apart).auc.value is None
    assert agreement(apart).pairs == 0
    assert agreement([]).mean_won is None
    both = [*apart, *scored(("easy", "c", False, 0.0), ("hard", "d", True, 1.0))]
    assert agreement(both).auc.value == 1.0


def test_a_perfect_a_useless_and_a_contrary_judge() -> None:
    for score, value in ((lambda won: float(won), 1.0), (lambda won: 0.3, 0.5)):
        games = scored(*(("s", str(n), n % 2 == 0, score(n % 2 == 0)) for n in range(40)))
        auc = agreement(games).auc
        assert (auc.value, auc.low, auc.high) == (value, value, value)
    contrary = scored(*(("s", str(n), n % 2 == 0, float(n % 2)) for n in range(40)))
    assert agreement(contrary).auc.value == 0.0


def test_the_interval_covers_and_shrinks() -> None:
    """Scores of won games are 1 sd above the others: the AUC is Phi(1 / sqrt 2) = 0.760."""
    widths = []
    for n in (40, 400):
        rng = np.random.default_rng(n)
        games = scored(*(("s", str(i), i % 2 == 0, rng.normal(i % 2 == 0)) for i in range(n)))
        value, low, high = numbers(games)
        assert low < 0.760 < high
        assert numbers(games) == (value, low, high) != numbers(games, seed=1)
        widths.append(high - low)
    assert widths[1] < widths[0] / 2


def test_the_interval_draws_whole_secrets() -> None:
    """The same games under fewer secrets say less."""
    rng = np.random.default_rng(1)
    rows = [(i % 2 == 0, float(rng.normal(i % 2 == 0))) for i in range(200)]
    widths = []
    for secrets in (200, 8):
        ordered = sorted(rows, key=lambda row: row[1])
        games = scored(
            *(("s", str(i * secrets // 200), won, score) for i, (won, score) in enumerate(ordered))
        )
        _, low, high = numbers(games)
        widths.append(high - low)
    assert widths[1] > 1.5 * widths[0]


# --- known games


def run_folder(path: Path) -> Path:
    group = EpisodeGroup(task=TASK, episodes=(WON, LOST))
    write_games(path / "episodes", 5, [group], limit=9)
    (path / "config.toml").write_text("")
    return path


def test_games_of_a_run(tmp_path: Path) -> None:
    run = run_folder(tmp_path / "run")
    games = read_known_games(run)
    assert [(g.secret, g.won) for g in games] == [("pound", True), ("pound", False)]
    assert len({g.suite for g in games}) == 1
    assert games[0].transcript.splitlines()[:2] == ["GAME: wordle 5x6", "PLAYER: [stare]"]
    assert read_known_games(run / "episodes" / "step-5.jsonl") == games


def test_games_of_a_mixture_are_of_several_suites(tmp_path: Path) -> None:
    """Won games of one game are not compared with lost ones of another."""
    run = run_folder(tmp_path / "run")
    write_games(
        run / "episodes", 6, [EpisodeGroup(task=OTHER_GAME.task, episodes=(OTHER_GAME,))], limit=9
    )
    hard = replace(TASK, env_options={"hard_mode": True})
    group = EpisodeGroup(task=hard, episodes=(replace(WON, task=hard),))
    write_games(run / "episodes", 7, [group], limit=9)
    suites = [game.suite for game in read_known_games(run)]
    assert len(suites) == 4
    assert len(set(suites)) == 3
    assert suites[0] == suites[1]


def test_games_of_an_evaluation(tmp_path: Path) -> None:
    suite = load_suite("wordle-val").subset(3)
    for name in ("random", "random-consistent"):
        evaluate(load_agent(name), suite, samples=1, out_dir=tmp_path / name)
    games = [
        g for name in ("random", "random-consistent") for g in read_known_games(tmp_path / name)
    ]
    assert len(games) == 12
    assert {g.suite for g in games} == {suite.suite_hash}
    lost = next(g for g in games if not g.won)
    assert lost.transcript.endswith(lost.secret)
    assert re.match(r"GAME: wordle 5x6\nPLAYER: [a-z]{5}\nGAME: [GYX]{5}\n", lost.transcript)


def test_games_of_a_file_that_lacks_what_was_said(tmp_path: Path) -> None:
    said = ("actions", "observations")
    record = {k: v for k, v in game_record(LOST).items() if k not in said}
    (tmp_path / "games.jsonl").write_text(json.dumps(record) + "\n")
    (game,) = read_known_games(tmp_path)
    assert game.transcript.startswith("GAME: a new game\nPLAYER: stare\nGAME: XXXXX\n")
    assert game.transcript.endswith("pound")


def test_games_that_failed_are_left_out(tmp_path: Path) -> None:
    failed = [{**game_record(LOST), "error": "boom"}, {**game_record(LOST), "guesses": []}]
    path = tmp_path / "games.jsonl"
    path.write_text("".join(json.dumps(game) + "\n" for game in failed) + '{"cut')
    with pytest.raises(RunError, match="no recorded games"):
        read_known_games(path)


@pytest.mark.parametrize("content", ["{}\n", "[]\n", "not json\n", '{"header": {}}\n'])
def test_what_is_no_file_of_games(content: str, tmp_path: Path) -> None:
    path = tmp_path / "games.jsonl"
    path.write_text(content)
    with pytest.raises(RunError, match=r"cannot read games from|no recorded games in"):
        read_known_games(path)


def test_games_of_another_kind_are_read_too(tmp_path: Path) -> None:
    write_games(tmp_path, 1, [EpisodeGroup(task=OTHER_GAME.task, episodes=(OTHER_GAME,))], limit=9)
    (game,) = read_known_games(tmp_path)
    assert game.won
    assert "What is 2 + 2?" in game.transcript


def test_two_agents_play_the_same_secrets() -> None:
    suite = load_suite("wordle-val").subset(8)
    agents = [load_agent(name) for name in ("random-consistent", "random")]
    games = play_known_games(agents, suite)
    assert [g.secret for g in games[:8]] == [g.secret for g in games[8:]] == list(suite.secrets)
    assert sum(g.won for g in games[:8]) > 4
    assert sum(g.won for g in games[8:]) == 0
    assert play_known_games(agents, suite) == games != play_known_games(agents, suite, seed=1)


@pytest.mark.parametrize(
    ("won", "lost", "limit", "chosen"),
    [(50, 50, 20, (10, 10)), (3, 50, 20, (3, 17)), (50, 3, 20, (17, 3)), (4, 4, 20, (4, 4))],
)
def test_half_of_what_is_judged_was_won(
    won: int, lost: int, limit: int, chosen: tuple[int, int]
) -> None:
    record = Record(rows=(), solved=False, secret=None)
    games = [
        KnownGame(
            suite="s", secret=str(n), won=n < won, observations=("",), actions=(), record=record
        )
        for n in range(won + lost)
    ]
    found = choose(games, limit)
    assert (sum(g.won for g in found), sum(not g.won for g in found)) == chosen
    assert len(set(found)) == len(found)
    numbers = [int(g.secret) for g in found]
    assert all(a < b for a, b in pairwise(numbers))
    assert choose(games, limit) == found
    assert limit >= won + lost or choose(games, limit, seed=1) != found


# --- the command


def grade(request: Request) -> Response:
    """10 for a win, else 0; of lost games every other one is left without a score."""
    text = request.said
    if "GGGGG" in text or "Solved in" in text:
        return Response(completion("SCORE: 10"))
    silent = sum(map(ord, text)) % 2
    return Response(completion("hm" if silent else "SCORE: 0"))


def check(server: ChatServer, folder: Path, *args: str) -> Result:
    cache = f"judge.cache={folder / 'c.sqlite'}"
    command = ("judge-check", "--model", "m", "--base-url", server.url, "--set", cache, *args)
    return CliRunner().invoke(cli, command)


def report(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output + str(result.exception)
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_fresh_games_are_played_and_judged(tmp_path: Path) -> None:
    with ChatServer(grade) as server:
        prices = ("--set", "judge.price_in=10")
        first = report(check(server, tmp_path, "--limit", "12", "--json", *prices))
        second = report(check(server, tmp_path, "--limit", "12", "--json"))
    assert first["n"] == second["n"] == 12
    assert first["auc"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    assert (first["judge"], first["base_url"], first["rubric"]) == ("m", server.url, "play")
    assert first["won"] + first["lost"] + first["unparsable"] + first["failed"] == 12
    assert first["unparsable_rate"] == first["unparsable"] / 12
    assert first["pairs"] == first["won"] * first["lost"] > 0
    assert (first["mean_won"], first["mean_lost"]) == (1.0, 0.0)
    asked = len(server.requests)
    assert first["prompt_tokens"] == 100 * asked
    assert first["cost"] == pytest.approx(100 * asked * 10 / 1e6)
    assert (first["cached"], second["cached"], second["prompt_tokens"]) == (0, 12, 0)


def test_recorded_games_are_judged(tmp_path: Path) -> None:
    run = run_folder(tmp_path / "run")
    with ChatServer(lambda request: Response(completion("SCORE: 4"))) as server:
        result = check(server, tmp_path, str(run))
    assert result.exit_code == 0
    assert "AUC 0.500 [0.500, 0.500] (1 won x 1 lost, 1 pairs; 0.5 is chance)" in result.stdout
    assert "mean score: won 0.400, lost 0.400" in result.stdout
    assert "without a score: 0.0%, without a reply: 0" in result.stdout
    assert "200 prompt and 14 completion tokens, 0 of 2 replies known already" in result.stdout


def test_a_judge_that_says_nothing_has_no_auc(tmp_path: Path) -> None:
    run = run_folder(tmp_path / "run")
    with ChatServer(lambda request: Response(completion("no"))) as server:
        result = check(server, tmp_path, str(run))
    assert "AUC: none" in result.stdout
    assert "without a score: 100.0%" in result.stdout


@pytest.mark.parametrize(
    ("args", "error", "message"),
    [
        (("--rubric", "plai"), ConfigError, "did you mean 'play'"),
        (("--set", "judge.modle=x"), ConfigError, "did you mean 'judge.model'"),
        (("--suite", "wordle-vall"), ConfigError, "unknown suite"),
        (("--agent", "rondom"), ConfigError, "did you mean 'random'"),
    ],
)
def test_mistakes_are_one_line(
    args: tuple[str, ...], error: type[WordleRLError], message: str, tmp_path: Path
) -> None:
    with ChatServer(grade) as server:
        result = check(server, tmp_path, *args)
    assert isinstance(result.exception, error)
    assert message in str(result.exception)
    assert server.requests == []


def test_games_and_agents_exclude_each_other(tmp_path: Path) -> None:
    with ChatServer(grade) as server:
        result = check(server, tmp_path, str(run_folder(tmp_path / "r")), "--agent", "random")
    assert "leave out GAMES or --agent" in str(result.exception)


def test_settings_of_a_file(tmp_path: Path) -> None:
    run = run_folder(tmp_path / "run")
    file = tmp_path / "mine.toml"
    with ChatServer(lambda request: Response(completion("SCORE: 4"))) as server:
        file.write_text(
            f'[judge]\nmodel = "n"\nbase_url = "{server.url}"\ncache = "{tmp_path / "d"}"\n'
            "[train]\nsteps = 3\n"
        )
        command = ("judge-check", str(run), "--preset", str(file), "--json")
        found = report(CliRunner().invoke(cli, command))
    assert found["judge"] == "n"
