"""Games for two: both seats, opponents, perfect play, and records of both sides."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest

from wordle_rl.envs import make_env
from wordle_rl.envs.opponents import (
    Opponent,
    candidate_moves,
    find_opponent,
)
from wordle_rl.envs.perfect_play import (
    MoveByRule,
    best_cells,
    greedy_nim,
    greedy_tic_tac_toe,
    mark_to_move,
    nim_piles,
    perfect_nim,
    perfect_tic_tac_toe,
    tic_tac_toe_board,
    tic_tac_toe_value,
    winning_removals,
)
from wordle_rl.envs.text_arena import TextArenaEnv
from wordle_rl.envs.text_arena_games import GAMES_OF_TWO
from wordle_rl.envs.text_arena_match import Exchange, TwoPlayerGame
from wordle_rl.errors import ConfigError, OpponentError

LEGAL_AT_RANDOM = [
    "ColonelBlotto-v0",
    "ConnectFour-v0",
    "Crusade-v0",
    "GameOfPureStrategy-v0",
    "HighSociety-v0",
    "IndianPoker-v0",
    "IteratedMatchingPennies-v0",
    "IteratedPrisonersDilemma-v0",
    "IteratedRockPaperScissors-v0",
    "IteratedTwoThirdsAverage-v0",
    "KuhnPoker-v0",
    "Nim-v0",
    "Othello-v0-tiny",
    "PigDice-v0-50",
    "SimpleTak-v0",
    "TicTacToe-v0",
    "WildTicTacToe-v0",
]
"""Where the random opponent never makes an invalid move."""


def resign(observation: str, generator: np.random.Generator) -> str:
    """An opponent that makes no valid move."""
    del observation, generator
    return "I resign"


def play(game: TwoPlayerGame, seats: list[Opponent], seed: int) -> TwoPlayerGame:
    """Play a game to its end between two opponents."""
    generator = np.random.default_rng(seed)
    game.reset(seed)
    while not game.done:
        player = game.to_move
        game.step(seats[player](game.transcript(player), generator))
    return game


# --- the driver


def test_a_game_for_two_seats() -> None:
    game = TwoPlayerGame("TicTacToe-v0")
    game.reset(seed=0)
    assert game.to_move == 0
    assert "As Player 0, you will be 'O'" in game.observation(0)
    assert "As Player 1, you will be 'X'" in game.observation(1)
    moves = [4, 0, 3, 1, 5]
    assert [game.step(f"[{move}]") for move in moves] == [False] * 4 + [True]
    assert (game.outcome(0), game.outcome(1), game.rewards) == ("win", "loss", (1.0, -1.0))
    assert game.observation(0).endswith("Player 0 has won! You won.")
    assert game.observation(1).endswith("Player 0 has won! You lost.")
    assert [e.action for e in game.record(0)] == ["[4]", "[3]", "[5]"]
    assert [e.action for e in game.record(1)] == ["[0]", "[1]"]
    assert game.record(1)[1].observation.startswith("Player 1 placed their symbol (X) in cell 0.")
    assert "[Player 0] [3]" in game.record(1)[1].observation


def test_a_draw() -> None:
    game = TwoPlayerGame("TicTacToe-v0")
    game.reset(seed=0)
    for move in [0, 1, 2, 4, 3, 5, 7, 6, 8]:
        assert game.outcome(0) == ""
        game.step(f"[{move}]")
    assert (game.outcome(0), game.outcome(1), game.rewards) == ("draw", "draw", (0.0, 0.0))
    assert game.observation(0).endswith("The game is a draw! It is a draw.")


def test_each_side_hears_its_own_cards_alone() -> None:
    game = TwoPlayerGame("KuhnPoker-v0")
    game.reset(seed=3)
    cards = [game.observation(p).partition("Your card is: ")[2][:3] for p in (0, 1)]
    assert cards[0] != cards[1]
    assert all(cards[1 - p] not in game.observation(p).partition("Your card")[2] for p in (0, 1))


def test_looking_does_not_change_a_game() -> None:
    game = TwoPlayerGame("Nim-v0", history="full")
    game.reset(seed=0)
    game.step("[0 1]")
    assert game.observation(1) == game.observation(1) == game.transcript(1)
    assert "[Player 0] [0 1]" in game.observation(0)


def test_two_refusals_lose_and_the_turn_stays() -> None:
    game = TwoPlayerGame("Nim-v0")
    game.reset(seed=0)
    game.step("no")
    assert (game.status, game.to_move, game.accepted(0)) == ("invalid", 0, 0)
    assert "attempted an invalid move" in game.observation(0)
    assert "attempted an invalid move" not in game.observation(1)
    game.step("no")
    assert (game.outcome(0), game.outcome(1)) == ("loss", "win")


def test_a_game_that_would_go_on_without_a_player_is_over() -> None:
    """Santorini forgives ten refusals, and then goes on for ever."""
    game = TwoPlayerGame("SantoriniBaseFixed-v0")
    game.reset(seed=0)
    steps = 1
    while not game.step("no"):
        steps += 1
    assert (steps, game.forfeited_by) == (11, 0)
    assert (game.outcome(0), game.rewards) == ("loss", (-1.0, 1.0))
    assert game.observation(1).endswith("Player 0 is out after invalid moves. You won.")


def test_a_game_that_is_called_off_has_no_outcome() -> None:
    game = TwoPlayerGame("PigDice-v0", max_turns=3)
    game.reset(seed=0)
    for _ in range(3):
        game.step("[hold]")
    assert (game.done, game.called_off, game.outcome(0)) == (True, True, "")


def test_seeds_fix_a_game_and_copies_go_on() -> None:
    seats: list[Opponent] = [find_opponent("random", "KuhnPoker-v0")] * 2
    game = TwoPlayerGame("KuhnPoker-v0")
    first = play(game, seats, seed=5).transcript(0)
    play(game, seats, seed=6)
    assert play(game, seats, seed=5).transcript(0) == first
    game.reset(seed=7)
    twins = [copy.deepcopy(game), pickle.loads(pickle.dumps(game))]
    for each in [game, *twins]:
        for move in ["[bet]", "[call]", "[check]", "[check]"]:
            each.step(move)
    assert len({each.transcript(0) for each in [game, *twins]}) == 1


def test_one_player_is_not_two() -> None:
    with pytest.raises(ConfigError, match="'Sokoban-v0' is for 1 player, not for 2"):
        TwoPlayerGame("Sokoban-v0")


# --- the environment


def test_the_opponent_answers_and_is_recorded() -> None:
    env = TextArenaEnv(game="TicTacToe-v0", opponent="perfect", seat=1)
    observation, info = env.reset(seed=0)
    assert (info["seat"], info["opponent_turns"], env.match.to_move) == (1, 1, 1)
    ended = False
    while not ended:
        action = perfect_tic_tac_toe(observation, np.random.default_rng(0))
        observation, reward, ended, _, info = env.step(action)
    assert (reward, info["outcome"], info["end_reason"]) == (0.0, "draw", "draw")
    record = env.opponent_record()
    assert all(isinstance(exchange, Exchange) for exchange in record)
    assert (len(record), info["opponent_turns"], info["turn"]) == (5, 5, 4)
    assert "You are Player 0 in Tic Tac Toe" in record[0].observation
    assert record[0].action in {f"[{cell}]" for cell in range(9)}


@pytest.mark.parametrize("seat", [0, 1])
def test_a_win_is_solved(seat: int) -> None:
    env: Any = make_env("textarena:Nim-v0", opponent=resign, seat=seat, reward="native")
    env.reset(seed=0)
    _, reward, ended, _, info = env.step("[0 1]")
    assert (reward, ended, info["solved"], info["outcome"]) == (1.0, True, True, "win")
    if seat == 1:  # the opponent was out before the first action, which any action ends
        assert (info["turn"], info["guess"]) == (0, "")
    assert [e.action for e in env.unwrapped.opponent_record()] == ["I resign"] * 2


def test_losing_is_not_solved() -> None:
    env = TextArenaEnv(game="Nim-v0", reward="native")
    env.reset(seed=0)
    env.step("no")
    _, reward, ended, _, info = env.step("no")
    assert (reward, ended, info["solved"]) == (-1.0, True, False)
    assert (info["outcome"], info["end_reason"]) == ("loss", "invalid")


def test_seats() -> None:
    env = TextArenaEnv(game="Nim-v0", seat="alternate")
    assert [env.reset()[1]["seat"] for _ in range(4)] == [0, 1, 0, 1]
    env = TextArenaEnv(game="Nim-v0", seat="random")
    drawn = [env.reset(seed=seed)[1]["seat"] for seed in range(30)]
    assert set(drawn) == {0, 1}
    assert drawn == [env.reset(seed=seed)[1]["seat"] for seed in range(30)]
    assert env.reset(seed=0, options={"seat": 1})[1]["seat"] == 1
    with pytest.raises(ConfigError, match="seat 7 is not 0, 1"):
        env.reset(options={"seat": 7})
    with pytest.raises(ConfigError, match="unknown reset option 'side'"):
        env.reset(options={"side": 0})


def test_a_seed_fixes_the_opponent_too() -> None:
    def steps(seed: int) -> list[Any]:
        env = TextArenaEnv(game="ConnectFour-v0", seat="random")
        return [env.reset(seed=seed), *(env.step(f"[col {c}]") for c in (0, 1))]

    assert steps(3) == steps(3)
    assert len({str(steps(seed)) for seed in range(10)}) > 5


# --- finding an opponent


def test_names_of_opponents() -> None:
    assert isinstance(find_opponent("random", "Nim-v0"), MoveByRule)
    assert find_opponent("perfect", "Nim-v0-large") is perfect_nim
    assert find_opponent("greedy", "Nim-v0-large") is greedy_nim
    assert find_opponent(resign, "Nim-v0") is resign
    plugin = find_opponent("wordle_rl.envs.perfect_play:perfect_nim", "Nim-v0")
    assert plugin is perfect_nim


@pytest.mark.parametrize(
    ("opponent", "message"),
    [
        ("perfekt", "unknown opponent 'perfekt': did you mean 'perfect'?"),
        ("perfect", "there is no perfect opponent for 'ConnectFour-v0': there is one for Nim, Tic"),
        ("no_module:play", "cannot import opponent 'no_module:play'"),
        ("math:pi", "opponent 'math:pi' is not a function of (observation, generator)"),
        (MoveByRule, "opponent <class"),
        (5, "opponent 5 is not a function of (observation, generator): it is a int"),
    ],
)
def test_wrong_opponents_are_explained(opponent: Any, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        TextArenaEnv(game="ConnectFour-v0", opponent=opponent)
    assert str(caught.value).startswith(message)


def test_an_opponent_that_says_no_text() -> None:
    env = TextArenaEnv(game="Nim-v0", opponent=lambda *_: 3, seat=1)  # type: ignore[arg-type, return-value]
    with pytest.raises(OpponentError, match="the opponent's action is a int, not a str: 3"):
        env.reset(seed=0)


# --- random play


def test_moves_are_read_from_the_newest_list() -> None:
    said = "Available Moves: '[0]', '[1]'\n[Player 1] [0]\nAvailable Moves: '[1]'"
    assert candidate_moves("TicTacToe-v0", said) == ("[1]",)
    poker = "Your possible actions: '[check]', '[bet X]'"
    assert candidate_moves("IndianPoker-v0", poker) == ("[check]", "[bet 1]")
    assert candidate_moves("WildTicTacToe-v0", "Available Moves: [X 0]") == ("[X 0]",)
    assert candidate_moves("Unheard-v0", "play like [a2 a3]") == ("[a2 a3]",)
    assert candidate_moves("Unheard-v0", "") == ("[pass]",)


def test_connect_four_leaves_full_columns_out() -> None:
    board = "Board state:\n0 1 2\n-----\nX . O\nX O O"
    assert candidate_moves("ConnectFour-v0", board) == ("[col 1]",)


def test_nim_has_every_removal() -> None:
    assert candidate_moves("Nim-v0", "pile 0: 2\npile 1: 0\npile 2: 1") == (
        "[0 1]",
        "[0 2]",
        "[2 1]",
    )


@pytest.mark.parametrize("game", LEGAL_AT_RANDOM)
def test_random_play_is_legal_where_moves_are_known(game: str) -> None:
    seats: list[Opponent] = [find_opponent("random", game)] * 2
    match = TwoPlayerGame(game)
    for seed in range(3):
        play(match, seats, seed)
        assert match.error == ""
        assert not any(match.engine.is_invalid(player) for player in (0, 1))
        assert {match.outcome(0), match.outcome(1)} in ({"win", "loss"}, {"draw"})


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(n for n, g in GAMES_OF_TWO.items() if g.status == "ok"))
def test_every_game_for_two_plays_to_its_end(name: str) -> None:
    from wordle_rl.envs.text_arena_games import arena_ids, arena_name

    game = next(i for i in arena_ids() if arena_name(i) == name)
    seats: list[Opponent] = [find_opponent("random", game)] * 2
    match = TwoPlayerGame(game, max_turns=200)
    for seed in range(3):
        transcript = play(match, seats, seed).transcript(1)
        assert transcript.isascii()
        assert match.called_off or match.error or match.outcome(0)
        assert play(match, seats, seed).transcript(1) == transcript


# --- perfect play


def test_tic_tac_toe_positions() -> None:
    assert tic_tac_toe_value(" " * 9) == 0
    assert tic_tac_toe_value("OO XX    ") == 1
    assert best_cells("OO XX    ") == (2,)
    assert tic_tac_toe_value("OOO XX   ") == -1
    assert best_cells("O   X    ") != ()
    assert best_cells(" " * 9) == tuple(range(9)), "every opening draws"
    assert best_cells("O        ") == (4,), "the centre is the one answer to a corner"
    assert mark_to_move("O        ") == "X"


def test_the_newest_board_counts() -> None:
    game = TwoPlayerGame("TicTacToe-v0", history="full", style="compact")
    game.reset(seed=0)
    game.step("[4]")
    game.step("[0]")
    assert tic_tac_toe_board(game.observation(0)) == "X   O    "
    with pytest.raises(ValueError, match="no TicTacToe board"):
        tic_tac_toe_board("hello")


@pytest.mark.parametrize("seed", range(10))
def test_perfect_tic_tac_toe_against_itself_is_a_draw(seed: int) -> None:
    game = play(TwoPlayerGame("TicTacToe-v0"), [perfect_tic_tac_toe] * 2, seed)
    assert (game.outcome(0), game.outcome(1)) == ("draw", "draw")


@pytest.mark.parametrize("seat", [0, 1])
def test_perfect_tic_tac_toe_never_loses(seat: int) -> None:
    seats: list[Opponent] = [find_opponent("random", "TicTacToe-v0")] * 2
    seats[seat] = perfect_tic_tac_toe
    game = TwoPlayerGame("TicTacToe-v0")
    outcomes = [play(game, seats, seed).outcome(seat) for seed in range(200)]
    assert set(outcomes) <= {"win", "draw"}
    assert outcomes.count("win") > 100


def test_perfect_tic_tac_toe_answers_every_reply() -> None:
    """Against every sequence of replies, from both seats, by the rules and without TextArena."""

    def loses(board: str, mine: str) -> bool:
        if tic_tac_toe_value(board) == -1 and not _open(board):
            return mark_to_move(board) == mine
        if " " not in board or not _open(board):
            return False
        cells = best_cells(board) if mark_to_move(board) == mine else _cells(board)
        return any(loses(_put(board, cell), mine) for cell in cells)

    assert not loses(" " * 9, "O")
    assert not loses(" " * 9, "X")


def _cells(board: str) -> list[int]:
    return [cell for cell, mark in enumerate(board) if mark == " "]


def _put(board: str, cell: int) -> str:
    return board[:cell] + mark_to_move(board) + board[cell + 1 :]


def _open(board: str) -> bool:
    """Whether nobody has three in a row."""
    rows = [board[i : i + 3] for i in (0, 3, 6)] + [board[i::3] for i in range(3)]
    return not {"OOO", "XXX"} & {*rows, board[::4], board[2:7:2]}


def test_winning_removals_leave_nothing() -> None:
    for piles in [(3, 4, 5), (1, 2, 4), (7,), (2, 2, 1)]:
        for pile, objects in winning_removals(piles):
            left = [size - objects * (i == pile) for i, size in enumerate(piles)]
            assert np.bitwise_xor.reduce(left) == 0
    assert winning_removals((5, 5)) == winning_removals(()) == ()
    with pytest.raises(ValueError, match="no piles of Nim"):
        nim_piles("hello")


@pytest.mark.parametrize("piles", [(3, 4, 5), (1, 1), (1, 2, 3), (2, 7), (4,), (3, 5, 7, 1)])
def test_perfect_nim_wins_every_won_position(piles: tuple[int, ...]) -> None:
    winner = 0 if np.bitwise_xor.reduce(piles) else 1
    seats: list[Opponent] = [find_opponent("random", "Nim-v0")] * 2
    seats[winner] = perfect_nim
    game = TwoPlayerGame("Nim-v0", game_options={"piles": list(piles)})
    assert {play(game, seats, seed).outcome(winner) for seed in range(20)} == {"win"}


# --- greedy play


def drawn(player: Opponent, observation: str) -> set[str]:
    return {player(observation, np.random.default_rng(seed)) for seed in range(200)}


def test_greedy_tic_tac_toe_takes_a_win_and_sees_no_threat() -> None:
    assert drawn(greedy_tic_tac_toe, "O:OO2XX5678") == {"[2]"}
    assert drawn(greedy_tic_tac_toe, "O:OO2OX5XX8") == {"[2]"}
    assert drawn(greedy_tic_tac_toe, "X:OO2X45678") == {f"[{cell}]" for cell in (2, 4, 5, 6, 7, 8)}
    assert drawn(greedy_tic_tac_toe, "O:012345678") == {f"[{cell}]" for cell in range(9)}


def test_greedy_nim_takes_the_last_pile_whole() -> None:
    assert drawn(greedy_nim, "nim:0 3 0") == {"[1 3]"}
    assert drawn(greedy_nim, "nim:1 0 2") == {"[0 1]", "[2 1]", "[2 2]"}
