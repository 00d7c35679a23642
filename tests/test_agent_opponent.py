"""An agent as the other side of a game for two, and the record of that side."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.ten_words import tiny_agent
from wordle_rl.agents.base import Move, Opening, View
from wordle_rl.agents.baselines import load_baseline
from wordle_rl.agents.opponent import AgentOpponent, load_opponent
from wordle_rl.cli import cli
from wordle_rl.envs import make_env
from wordle_rl.envs.base import Style, TextEnv
from wordle_rl.envs.opponents import fingerprint_of
from wordle_rl.errors import ConfigError, OpponentError
from wordle_rl.evaluation.dataset import dataset_rows
from wordle_rl.evaluation.game_view import view_of
from wordle_rl.evaluation.games import game_record, read_games
from wordle_rl.evaluation.recorded import GameFile
from wordle_rl.evaluation.replay import PLAIN
from wordle_rl.evaluation.suites import load_suite
from wordle_rl.records import Episode, StopReason, Task
from wordle_rl.replay_session import game_text
from wordle_rl.rollout import play_games
from wordle_rl.self_play import self_play

TIC_TAC_TOE = "textarena:TicTacToe-v0"


class Listener:
    """Plays the first free cell, and keeps what it was told; silent after `turns` moves."""

    name = "listener"

    def __init__(self, style: Style = "compact", turns: int = 9) -> None:
        self.style: Style = style
        self.turns = turns
        self.openings: list[Opening] = []
        self.told: list[str] = []

    def begin(self, openings: Sequence[Opening], *, temperature: float) -> Listener:
        self.openings += openings
        return self

    def act(self, views: Mapping[int, View]) -> Mapping[int, Move]:
        self.told += [view.observation for view in views.values()]
        if len(self.told) > self.turns:
            return {}
        free = self.told[-1].partition(":")[2]
        return {0: Move(action=next(cell for cell in free if cell.isdigit()))}


def play(opponent: object, *, seat: int = 0, style: Style = "compact", seed: int = 3) -> Episode:
    """A game of the solver against an opponent."""
    task = Task(env_id=TIC_TAC_TOE, task_id="t", seed=seed)
    solver = load_baseline("solver")
    return play_games(
        solver,
        [task],
        make_env=lambda _: make_env(TIC_TAC_TOE, opponent=opponent, seat=seat, style=style),
        temperature=0.0,
        seeds=[0],
    )[0]


@pytest.mark.parametrize("seat", [0, 1])
def test_it_is_told_what_is_new_in_its_own_style(seat: int) -> None:
    listener = Listener()
    episode = play(AgentOpponent(listener), seat=seat, style="chat")
    assert episode.terminated
    assert all(line.startswith("OX"[1 - seat] + ":") for line in listener.told)
    assert "Tic Tac Toe" in episode.turns[0].observation  # the player reads another one
    assert listener.openings[0].public["game"] == "TicTacToe-v0"
    assert [seen for seen, _ in episode.opponent] == listener.told


def test_in_chat_style_it_hears_each_thing_once() -> None:
    class Talker(Listener):
        def act(self, views: Mapping[int, View]) -> Mapping[int, Move]:
            self.told += [view.observation for view in views.values()]
            listed = self.told[-1].rpartition("Available Moves: '")[2]
            return {0: Move(action=listed.partition("'")[0])}

    talker = Talker("chat")
    assert play(AgentOpponent(talker)).terminated
    assert len(talker.told) > 1
    assert ["You are Player" in told for told in talker.told] == [True] + [False] * (
        len(talker.told) - 1
    )


def test_the_same_seed_is_the_same_game() -> None:
    opponent = AgentOpponent(load_baseline("random"))
    games = [play(opponent, seed=seed).opponent for seed in (3, 3, 4, 5, 6)]
    assert games[0] == games[1]
    assert len(set(games)) > 2


def test_a_language_model_plays_and_what_it_cannot_answer_is_a_failed_game() -> None:
    assert len(play(AgentOpponent(tiny_agent(), temperature=1.0)).opponent) > 0

    episode = play(AgentOpponent(Listener(turns=1)))
    assert episode.stop_reason is StopReason.ERROR
    assert episode.error == "OpponentError: opponent 'listener' has no answer: its context is full"
    assert len(episode.opponent) == 1  # what was played before is kept


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_a_running_game_can_be_copied(copied: Callable[[TextEnv], TextEnv]) -> None:
    opponent = AgentOpponent(load_baseline("random"), temperature=1.0)
    env = make_env(TIC_TAC_TOE, opponent=opponent, style="compact")
    observation, _ = env.reset(seed=1)
    for _ in range(2):
        observation = env.step(next(cell for cell in observation[2:] if cell.isdigit()))[0]
    twin = copied(env)
    move = next(cell for cell in observation[2:] if cell.isdigit())
    assert env.step(move)[0] == twin.step(move)[0]
    assert env.opponent_record() == twin.opponent_record()


def test_weights_are_not_copied_with_a_game() -> None:
    agent = tiny_agent()
    env = make_env(TIC_TAC_TOE, opponent=AgentOpponent(agent), style="compact", seat=1)
    env.reset(seed=1)
    twin: Any = copy.deepcopy(env)
    assert twin._opponent._agent is agent
    assert env.step("4")[0] == twin.step("4")[0]


def test_a_suite_knows_its_opponent_by_its_weights() -> None:
    suite = load_suite("tictactoe-random")
    hashes = {suite.against(f"agent:{name}").suite_hash for name in ("solver", "random")}
    assert len(hashes | {suite.against("sampled:solver").suite_hash, suite.suite_hash}) == 4
    assert "solver" in fingerprint_of("agent:solver", "TicTacToe-v0")


def test_agents_by_name() -> None:
    assert make_env(TIC_TAC_TOE, opponent="agent:solver").reset(seed=0)[1]["seat"] == 0
    assert load_opponent("solver", 0.0) is load_opponent("solver", 0.0)  # one model for all games
    for name, line in {
        "agent:": "opponent 'agent:' names no agent: write agent:nano",
        "sampled:nobody": "unknown agent 'nobody'",
    }.items():
        with pytest.raises(ConfigError, match=line):
            make_env(TIC_TAC_TOE, opponent=name)
    with pytest.raises(ConfigError, match=r"wrap an agent in agents\.opponent\.AgentOpponent"):
        make_env(TIC_TAC_TOE, opponent=Listener())
    assert OpponentError.exit_code == 1


def test_one_that_has_a_name_is_loaded_again_and_not_pickled() -> None:
    env = make_env(TIC_TAC_TOE, opponent="agent:nano", style="compact", seat=1)
    env.reset(seed=1)
    told = pickle.dumps(env)
    assert len(told) < 100_000  # no weights
    twin = pickle.loads(told)
    assert env.step("4")[0] == twin.step("4")[0]


# --- the record


def test_both_sides_are_recorded() -> None:
    episode = play("perfect")
    record = game_record(episode)
    assert record["opponent"] == [[seen, action] for seen, action in episode.opponent]
    assert len(record["opponent"]) == episode.turns[-1].info["opponent_turns"] > 0
    shown = game_text(view_of(record), PLAIN).plain.splitlines()
    assert shown[-2] == "opponent: " + ", ".join(action for _, action in episode.opponent)


def test_a_reward_of_ones_own_keeps_the_record() -> None:
    env = make_env(TIC_TAC_TOE, rewards={"correct": 1.0}, opponent="random", seat=1)
    env.reset(seed=0)
    assert len(env.opponent_record()) == 1


def test_the_other_side_is_in_a_dataset(tmp_path: Path) -> None:
    told = game_record(play("perfect"))
    path = tmp_path / "games.jsonl"
    file = GameFile(path=path, label="", step=None, suite=None, when=None, games=(told,))
    row = next(iter(dataset_rows([file])))
    assert [m["content"] for m in row["opponent_messages"]] == list(chain(*told["opponent"]))
    del told["opponent"]  # as in records of before
    assert next(iter(dataset_rows([file])))["opponent_messages"] == []


def test_a_game_for_one_has_no_other_side() -> None:
    task = Task(env_id="guess-number", task_id="t", seed=0)
    episode = play_games(
        load_baseline("solver"),
        [task],
        make_env=lambda task: make_env(task.env_id),
        temperature=0.0,
        seeds=[0],
    )[0]
    assert episode.opponent == ()


def test_in_self_play_each_seat_has_the_other_s() -> None:
    match = make_env(TIC_TAC_TOE, style="compact").match  # type: ignore[attr-defined]
    task = Task(env_id=TIC_TAC_TOE, task_id="t", seed=0)
    first, second = self_play(
        Listener(turns=99), [task], 1, make_match=lambda _: match, temperature=1.0, seed=0
    )
    for mine, theirs in [(first, second), (second, first)]:
        said = [(t.observation, t.action) for t in theirs.episodes[0].turns]
        assert list(mine.episodes[0].opponent) == said


# --- the command line


def evaluate(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli, ["evaluate", *arguments, "--samples", "0"])
    return done.exit_code, done.output or str(done.exception)


def test_an_agent_is_measured_against_another(tmp_path: Path) -> None:
    out = tmp_path / "games"
    code, said = evaluate(
        *("solver", "--suite", "tictactoe-random-val", "--opponent", "agent:solver"),
        *("--limit", "6", "--out", str(out), "--json"),
    )
    assert code == 0, said
    assert "not recorded" in said
    games = read_games(out / "games.jsonl")
    assert [game["drawn"] for game in games] == [True] * 6  # two that make no mistake
    assert all(len(game["opponent"]) >= 4 for game in games)
    header = json.loads((out / "games.jsonl").read_text().splitlines()[0])["header"]
    assert header["suite"] == "tictactoe-random-val against agent:solver[6]"


def three(_said: str, _chance: object) -> int:
    """An opponent that says no text."""
    return 3


def test_games_that_fail_are_said_to_have_failed() -> None:
    suite = ("--suite", "tictactoe-random-val", "--limit", "2", "--no-store")
    _, said = evaluate("solver", *suite, "--opponent", f"{__name__}:three")
    assert "2 of 2 games failed and count as lost, the first by: OpponentError: the opp" in said


@pytest.mark.parametrize(
    ("setting", "line"),
    [
        ("env.options.seat=1", "setting env.options.seat: self-play has no such option"),
        ("env.options.nope=3", "setting env.options.nope: self-play has no such option"),
        ("env.options.style=chat", "setting env.options.style: self-play has no such option"),
        ("env.reward=native", "setting env.reward: leave it out, self-play pays 1 for a win"),
        ("env.rewards={correct=1.0}", "setting env.rewards: leave it out, self-play pays"),
    ],
)
def test_what_self_play_does_not_read_is_refused(setting: str, line: str, tmp_path: Path) -> None:
    flags = ["--preset", "smoke", "--env", TIC_TAC_TOE, "--opponent", "self", "--set", setting]
    done = CliRunner().invoke(cli, ["train", *flags, "--run-dir", str(tmp_path / "run")])
    assert isinstance(done.exception, ConfigError)
    assert str(done.exception).startswith(line)


def test_a_suite_without_an_opponent_has_none() -> None:
    done = CliRunner().invoke(cli, ["evaluate", "random", "--opponent", "agent:nano"])
    assert isinstance(done.exception, ConfigError)
    assert "suite 'wordle-val' has no opponent: leave --opponent 'agent:nano' out" in str(
        done.exception
    )


def test_what_a_flag_is_not_is_refused() -> None:
    with pytest.raises(ConfigError, match="hard_mode of game 'wordle' is 'yes': write true or"):
        make_env("wordle", hard_mode="yes")
    with pytest.raises(ConfigError, match="game_options 3 is no table"):
        make_env(TIC_TAC_TOE, game_options=3)
    for piles in ([], [0, 0]):
        with pytest.raises(ConfigError, match="hold nothing to take: write them as"):
            make_env("textarena:Nim-v0", game_options={"piles": piles})
    for piles in ("345", [-1], (3, 4), ["3"]):
        with pytest.raises(ConfigError, match="are no list of numbers: write them as"):
            make_env("textarena:Nim-v0", game_options={"piles": piles})
    assert make_env("textarena:Nim-v0", game_options={"piles": None}).reset(seed=0)[0]
    with pytest.raises(ConfigError, match=r"does not take source=\[1\]: 'list' object has no"):
        make_env("math", source=[1])
    assert isinstance(make_env("wordle", hard_mode=True), TextEnv)
