"""Positions as a line: what they say, that moves can be read from them, and openings."""

import numpy as np
import pytest

from wordle_rl.agents.baselines import load_baseline
from wordle_rl.envs import make_env
from wordle_rl.envs.opponents import candidate_moves, find_opponent
from wordle_rl.envs.perfect_play import nim_piles, tic_tac_toe_board
from wordle_rl.envs.text_arena_match import TwoPlayerGame
from wordle_rl.envs.text_arena_positions import POSITIONS
from wordle_rl.envs.text_arena_text import CHARSET
from wordle_rl.errors import ConfigError
from wordle_rl.evaluation.evaluator import evaluate
from wordle_rl.evaluation.suites import load_suite, seeded_suite

GAMES = [f"{name}-v0" for name in POSITIONS]
each_game = pytest.mark.parametrize("game", GAMES)


def both(game: str, seed: int = 0, **options: int) -> tuple[TwoPlayerGame, TwoPlayerGame]:
    """The same game in both styles."""
    pair = tuple(TwoPlayerGame(game, style=style, **options) for style in ("compact", "chat"))
    for match in pair:
        match.reset(seed)
    return pair[0], pair[1]


@each_game
def test_both_styles_have_the_same_legal_moves_all_game_long(game: str) -> None:
    """What can be played is read from the line alone as from all that TextArena says."""
    for seed in range(10):
        compact, chat = both(game, seed)
        rng = np.random.default_rng(seed)
        while not compact.done:
            seat = compact.to_move
            line = compact.observation(seat)
            assert "\n" not in line
            assert len(line) < 60
            assert set(line) <= set(CHARSET)
            moves = candidate_moves(game, line)
            assert moves == candidate_moves(game, chat.transcript(seat))
            move = moves[int(rng.integers(len(moves)))]
            assert compact.step(move) == chat.step(move)
            assert compact.status == "ok"
        assert chat.done
        assert [compact.outcome(s) for s in (0, 1)] == [chat.outcome(s) for s in (0, 1)]


def test_the_line_of_each_seat() -> None:
    game, _ = both("TicTacToe-v0")
    assert game.observation(0) == "O:012345678"
    for move in ("4", "0"):
        game.step(move)
    assert (game.observation(0), game.observation(1)) == ("O:X123O5678", "X:X123O5678")
    game.step("[4]")
    assert (game.observation(0), game.observation(1)) == ("?O:X123O5678", "X:X123O5678")
    game.step("[8]")
    assert game.observation(1) == "X:X123O567O"


def test_full_history_stays_the_whole_game() -> None:
    game = TwoPlayerGame("TicTacToe-v0", style="compact", history="full")
    game.reset(0)
    game.step("[4]")
    assert "[Player 0] [4]" in game.observation(1)
    assert "Available Moves" in game.observation(1)


def test_the_newest_line_counts() -> None:
    assert tic_tac_toe_board("O:012345678\n?O:X123O5678") == "X   O    "
    assert nim_piles("nim:3 4 5\nnim:3 4 1") == (3, 4, 1)


def test_perfect_players_read_lines() -> None:
    perfect = find_opponent("perfect", "TicTacToe-v0")
    assert perfect("X:OO2XX5678", np.random.default_rng(0)) == "[2]"
    assert find_opponent("perfect", "Nim-v0")("nim:3 4 5", np.random.default_rng(0)) == "[0 2]"


# --- openings


def test_an_opening_is_fixed_by_the_seed_and_leaves_a_game_to_play() -> None:
    marks = set()
    for seed in range(60):
        game, twin = both("TicTacToe-v0", seed, opening_moves=9)
        assert not game.done
        assert (game.status, game.record(0), game.accepted(1)) == ("start", (), 0)
        board = tic_tac_toe_board(game.observation(game.to_move))
        assert board == tic_tac_toe_board(twin.transcript(twin.to_move))
        marks.add(9 - board.count(" "))
    assert marks >= set(range(8))


def test_both_seats_hear_the_rules_after_an_opening() -> None:
    _, chat = both("TicTacToe-v0", 3, opening_moves=9)
    for seat in (0, 1):
        assert f"You are Player {seat} in Tic Tac Toe" in chat.observation(seat)


def test_openings_as_an_option_of_the_environment() -> None:
    env = make_env("textarena:TicTacToe-v0", opening_moves=6, style="compact")
    boards = {env.reset(seed=seed)[0] for seed in range(30)}
    assert len(boards) > 10
    with pytest.raises(ConfigError, match="opening_moves 3 is for games for two"):
        make_env("textarena:Sokoban-v0", opening_moves=3)
    with pytest.raises(ConfigError, match="opening_moves -1 is not a whole number"):
        make_env("textarena:TicTacToe-v0", opening_moves=-1)


# --- baselines


def test_baselines_play_textarena() -> None:
    suite = load_suite("tictactoe-perfect").subset(40)
    solver = evaluate(load_baseline("solver"), suite, samples=0).greedy
    assert solver is not None
    assert (solver.draw_rate.value, solver.invalid_rate) == (1.0, 0.0)
    chance = evaluate(load_baseline("random"), suite, samples=0).greedy
    assert chance is not None
    assert (chance.win_rate.value, chance.invalid_rate) == (0.0, 0.0)
    assert 0 < (chance.draw_rate.value or 0) < 0.6


def test_a_game_without_a_perfect_player_has_no_solver() -> None:
    suite = seeded_suite("textarena:ConnectFour-v0", {}, "test", n=2)
    assert evaluate(load_baseline("random"), suite, samples=0).greedy is not None
    with pytest.raises(ConfigError, match="no perfect opponent for 'ConnectFour-v0'"):
        evaluate(load_baseline("solver"), suite, samples=0)
