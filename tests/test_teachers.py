"""Whose games are imitated: baselines through the environment, and several games in one run."""

from __future__ import annotations

from collections import Counter
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from wordle_rl.config import PretrainConfig, parse
from wordle_rl.envs.math_problems import problem_ids, problem_of
from wordle_rl.envs.perfect_play import greedy_cells, tic_tac_toe_board
from wordle_rl.envs.words import split_of
from wordle_rl.errors import ConfigError
from wordle_rl.training.symbols import ALPHABET, END
from wordle_rl.training.teacher import Demonstration, WordleTeacher
from wordle_rl.training.teachers import PlayedTeacher, find_teacher


def config(env: str, **options: object) -> PretrainConfig:
    return parse(PretrainConfig, {"env": env, "options": options})


def play(env: str, count: int, seed: int = 0, **options: object) -> list[Demonstration]:
    teacher = find_teacher(config(env, **options))
    return teacher.demonstrations(np.random.default_rng(seed), count)


def test_wordle_has_a_teacher_of_its_own() -> None:
    assert isinstance(find_teacher(config("wordle")), WordleTeacher)
    with pytest.raises(ConfigError, match="options of 'wordle'"):
        find_teacher(config("wordle", hard_mode=True))


def test_numbers_are_guessed_at_random_in_what_is_left() -> None:
    games = play("guess-number", 300, hi=1000)
    assert len({game.actions[0] for game in games}) > 150
    for game in games:
        low, high = 1, 1000
        assert game.opening == "number 1..1000 x10"
        assert split_of(f"guess-number:{game.secret}") == "train"
        for action, told in zip(game.actions, game.observations, strict=True):
            assert low <= int(action) <= high
            low, high = (int(action) + 1, high) if told[0] == ">" else (low, int(action) - 1)
        assert (game.actions[-1] == game.secret) == (game.observations[-1] == "=")
        assert all(game.trained)


def test_another_player_can_be_imitated() -> None:
    chosen = config("guess-number", hi=1000).model_copy(
        update={"players": {"guess-number": "solver"}}
    )
    games = find_teacher(chosen).demonstrations(np.random.default_rng(0), 50)
    assert {game.actions[0] for game in games} == {"500"}
    assert all(game.observations[-1] == "=" for game in games)


def test_in_plain_english_the_solver_is_imitated_at_wordle() -> None:
    games = find_teacher(config("wordle"), "chat").demonstrations(np.random.default_rng(0), 40)
    assert len({game.actions[0] for game in games}) == 1  # its opener
    assert all(game.actions[-1] == f"[{game.secret}]" for game in games)
    assert {split_of(game.secret) for game in games} == {"train"}
    assert sum(len(game.actions) for game in games) / len(games) < 3.8  # a random one takes 4.1


def test_the_solver_is_imitated_on_a_list_of_the_user_s_own(tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    words.write_text("\n".join("".join(w) for w in product("bfm", "ae", "st", "io", "nr")))
    own = config("wordle", answers=str(words), guesses=str(words))
    games = find_teacher(own, "chat").demonstrations(np.random.default_rng(0), 10)
    assert all(game.actions[-1] == f"[{game.secret}]" for game in games)


@pytest.mark.parametrize(
    ("players", "line"),
    [
        ({"wordle": "solver"}, "setting players: 'wordle' is no game of"),
        ({"math": "solver"}, "setting players: 'math' is no game of 'wordle,guess-number'"),
        ({"guess-number": "nobody"}, "nobody"),
    ],
)
def test_a_player_of_no_game_is_refused(players: dict[str, str], line: str) -> None:
    chosen = config("wordle,guess-number").model_copy(update={"players": players})
    with pytest.raises(ConfigError, match=line):
        find_teacher(chosen)


def test_problems_are_answered_right() -> None:
    held_out = {problem_of(i).compact for i in problem_ids(1, "test", 400)}
    games = play("math", 200, difficulty=1)
    assert all(game.observations == ("=",) for game in games)
    assert not held_out.intersection(game.opening for game in games)


def test_games_for_two_are_played_from_both_seats() -> None:
    games = play("textarena:TicTacToe-v0", 60, opening_moves=7)
    assert Counter(game.opening[0] for game in games) == {"O": 30, "X": 30}
    for game in games:
        for seen, action in zip((game.opening, *game.observations), game.actions, strict=False):
            assert action in seen[2:], "a free cell is shown as its number"
    assert len({game.opening for game in games}) > 30


def test_a_mixture_is_played_in_proportion() -> None:
    games = play("guess-number=3,mastermind", 40)
    kinds = Counter(game.opening.split()[0] for game in games)
    assert sorted(kinds.values()) == [10, 30]


def test_the_same_generator_state_gives_the_same_games() -> None:
    assert play("mastermind,guess-number", 20) == play("mastermind,guess-number", 20)
    assert play("mastermind", 20) != play("mastermind", 20, seed=1)


@pytest.mark.parametrize(
    ("env", "options", "line"),
    [
        ("chess", {}, "unknown game 'chess'"),
        ("guess-number", {"high": 9}, "option of game 'guess-number'"),
        ("textarena:TicTacToe-v0", {"opening": 3}, "unknown option of game 'textarena': 'opening'"),
    ],
)
def test_what_has_no_teacher_is_refused(env: str, options: dict[str, object], line: str) -> None:
    with pytest.raises(ConfigError, match=line):
        find_teacher(config(env, **options))


def test_a_game_that_fails_for_its_teacher_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object) -> None:
        raise RuntimeError("no board")

    teacher = PlayedTeacher(env_id="guess-number", baseline="random-consistent")
    monkeypatch.setattr("wordle_rl.envs.guess_number.GuessNumberEnv._start", broken)
    with pytest.raises(ConfigError, match="game 'guess-number' failed for its teacher"):
        teacher.demonstrations(np.random.default_rng(0), 1)


def test_a_random_player_of_numbers_is_imitated_with_its_distribution() -> None:
    games = play("guess-number", 40, lo=-7, hi=120)
    for game in games:
        possible = [str(n) for n in range(-7, 121)]
        played = zip(game.actions, game.observations, game.teacher_probs, strict=True)
        for action, told, probs in played:
            for place in range(len(action) + 1):
                begun = [n for n in possible if n.startswith(action[:place])]
                following = Counter(n[place : place + 1] for n in begun)
                wanted = [following[symbol] / len(begun) for symbol in (*ALPHABET, "")]
                np.testing.assert_allclose(probs[place], wanted, atol=1e-6)
            low, high = (int(action), 999) if told[0] == ">" else (-999, int(action))
            possible = [n for n in possible if low < int(n) < high]


@pytest.mark.parametrize(
    ("player", "options"),
    [("solver", {"hi": 9}), ("random", {"hi": 9}), ("random-consistent", {"hi": 20_000})],
)
def test_other_players_and_long_ranges_have_no_distribution(
    player: str, options: dict[str, int]
) -> None:
    chosen = config("guess-number", **options).model_copy(
        update={"players": {"guess-number": player}}
    )
    [game] = find_teacher(chosen).demonstrations(np.random.default_rng(0), 1)
    assert game.teacher_probs == ()


@pytest.mark.parametrize(("player", "wins"), [("greedy", True), ("random", False)])
def test_players_of_tic_tac_toe_are_imitated_with_their_distribution(
    player: str, wins: bool
) -> None:
    env = "textarena:TicTacToe-v0"
    chosen = config(env).model_copy(update={"players": {env: player}})
    taken = 0
    for game in find_teacher(chosen).demonstrations(np.random.default_rng(0), 60):
        seen = (game.opening, *game.observations)
        for told, action, probs in zip(seen, game.actions, game.teacher_probs, strict=False):
            board = tic_tac_toe_board(told)
            cells = [str(cell) for cell in greedy_cells(board)] if wins else list(told[-9:])
            cells = [cell for cell in cells if cell in "012345678"]
            taken += len(cells) == 1
            likely = {ALPHABET[i]: float(probs[0][i]) for i in np.flatnonzero(probs[0])}
            assert likely == pytest.approx(dict.fromkeys(cells, 1 / len(cells)))
            assert np.flatnonzero(probs[1]).tolist() == [END]
            assert action in likely
    assert taken > 0


def test_moves_that_are_no_symbols_have_no_distribution() -> None:
    env = "textarena:IteratedPrisonersDilemma-v0"
    [game] = find_teacher(config(env)).demonstrations(np.random.default_rng(0), 1)
    assert game.teacher_probs == ()
