"""TextArena's defects, put right: what a win is, rewards and reasons, endings."""

import copy
from itertools import combinations

import pytest
from gymnasium.error import ResetNeeded

from tests.arena_games import arena, last_info, play, state
from wordle_rl.envs.text_arena import TextArenaEnv

# --- wins are wins


@pytest.mark.parametrize("reward", ["binary", "native"])
def test_a_won_and_a_nearly_won_game(reward: str) -> None:
    """TextArena pays a lost game up to 0.95; a win is a win of the game and nothing else."""
    env = arena("GuessTheNumber-v0", reward=reward)
    secret = int(last_info(env, "x", "x", seed=5)["secret"])
    won = play(env, f"[{secret}]", seed=5)[-1]
    assert (won[1], won[4]["solved"], won[4]["end_reason"]) == (1.0, True, "solved")
    near = secret + (1 if secret < 20 else -1)
    lost = play(env, f"[{near}]", "x", "x", seed=5)[-1]
    assert lost[4]["native_reward"] == pytest.approx(1 - 1 / 19)
    assert lost[1] == (0.0 if reward == "binary" else lost[4]["native_reward"])
    assert (lost[4]["solved"], lost[4]["end_reason"]) == (False, "invalid")


def test_the_turn_limit_is_a_loss() -> None:
    env = arena("GuessTheNumber-v0")
    secret = int(last_info(env, "x", "x", seed=1)["secret"])
    wrong = [f"[{n}]" for n in range(1, 21) if n != secret]
    info = last_info(env, *wrong, seed=1)
    assert (info["end_reason"], info["turn"], info["solved"]) == ("lost", 11, False)


def test_2048_is_won_by_the_tile_and_not_by_the_score() -> None:
    """A lost board may be paid 1: half for the score, half for the largest tile, capped at 1."""
    env = arena("2048-v0-8x8")
    env.reset(seed=0)
    game = env.match.engine.env
    state(env).game_state["board"] = [[2, 4] * 4, [4, 2] * 4] * 4
    state(env).game_state["board"][0][:3] = [8, 8, 0]
    state(env).game_state["board"][0][3] = 1024
    state(env).game_state["score"] = 10**6
    assert game._get_percentage_completion() == 1.0
    game.step("[left]")
    state(env).set_outcome(game._get_percentage_completion())
    assert state(env).rewards == {0: 1.0}
    assert env.match.engine.won is False
    state(env).game_state["board"][7][7] = 2048
    assert env.match.engine.won is True


def test_blackjack_is_won_by_more_hands_than_the_dealer() -> None:
    outcomes = set()
    for seed in range(30):
        env = arena("Blackjack-v0")
        info = last_info(env, *["[stand]"] * 5, seed=seed)
        hands = state(env).game_state["results_summary"]
        assert sum(hands.values()) == 5
        assert info["solved"] == (hands["win"] > hands["lose"])
        assert info["native_reward"] == pytest.approx(hands["win"] / 5)
        outcomes.add(info["solved"])
    assert outcomes == {True, False}


def test_bandit_can_be_won() -> None:
    """TextArena compares the last button with a dictionary: there every answer is wrong."""
    env = arena("Bandit-v0", reward="native")
    best = last_info(env, "x", "x", seed=3)["secret"]
    *_, (observation, reward, _, _, info) = play(env, *[f"[{best}]"] * 21, seed=3)
    assert (reward, info["solved"], info["secret"]) == (1.0, True, best)
    assert "correct button" in observation
    other = "red" if best != "red" else "blue"
    info = last_info(env, *[f"[{other}]"] * 21, seed=3)
    assert (info["solved"], 0 < info["native_reward"] < 1) == (False, True)


def test_secretary_is_won_by_the_highest_value() -> None:
    env = arena("Secretary-v0")
    env.reset(seed=2)
    draws = list(state(env).game_state["draws"])
    best = draws.index(max(draws))
    actions = [*["[continue]"] * best, "[accept]"]
    assert last_info(env, *actions, seed=2)["solved"] is True
    assert last_info(env, "[accept]", seed=2)["solved"] is (best == 0)


def test_one_set_is_no_win_and_one_card_three_times_is_no_set() -> None:
    env = arena("Set-v0")
    observation, _, _, _, info = play(env, "[1, 1, 1]", seed=0)[-1]
    assert (info["status"], state(env).game_state["score"]) == ("invalid", 0)
    assert "Invalid action format" in observation
    actions = [find_set(env, seed=0), *["[1, 2, 3]"] * 20]
    info = last_info(env, *actions, seed=0)
    assert info["native_reward"] >= 1
    assert info["solved"] is False


def find_set(env: TextArenaEnv, seed: int) -> str:
    """Three cards of the first board that are a Set."""
    from textarena.envs.Set.env import _is_set

    env.reset(seed=seed)
    board = state(env).game_state["board"]
    found = next(c for c in combinations(range(12), 3) if _is_set(tuple(board[i] for i in c)))
    return f"[{found[0] + 1}, {found[1] + 1}, {found[2] + 1}]"


def test_a_perfect_game_of_set_is_a_win() -> None:
    from textarena.envs.Set.env import _is_set

    env = arena("Set-v0", reward="native")
    env.reset(seed=0)
    ended, reward, info = False, 0.0, {}
    while not ended:
        board = state(env).game_state["board"]
        sets = (c for c in combinations(range(len(board)), 3) if _is_set([board[i] for i in c]))
        a, b, c = next(sets, (0, 1, 2))
        _, reward, ended, _, info = env.step(f"[{a + 1}, {b + 1}, {c + 1}]")
    assert reward == state(env).game_state["score"]
    assert info["solved"] == (reward == 20)


def test_slitherlink_needs_the_loop_and_not_the_clues_alone() -> None:
    env = arena("Slitherlink-v0")
    env.reset(seed=0)
    game = env.match.engine.env
    game.clues = [[None] * 4 for _ in range(4)]
    game.clues[0][0] = 1
    env.step("[h 0 0]")
    assert game._progress() == 1.0
    state(env).set_outcome(game._progress())
    assert env.match.engine.won is False
    game.clues[0][0] = 4
    for edge in [(1, 0)]:
        game.h_edges.add(edge)
    game.v_edges.update({(0, 0), (0, 1)})
    assert env.match.engine.won is True


def test_the_fifteen_puzzle_can_be_solved() -> None:
    """Its winning line calls a method that TextArena's state does not have."""
    env = arena("FifteenPuzzle-v0")
    env.reset(seed=0)
    tiles: list[int | None] = [*range(1, 15), None, 15]
    env.match.engine.env.board[:] = [tiles[i : i + 4] for i in range(0, 16, 4)]
    _, reward, ended, _, info = env.step("[left]")
    assert (reward, ended, info["solved"], info["problem"]) == (1.0, True, True, "")
    assert info["native_reward"] == 1.0


def test_the_fifteen_puzzle_that_is_dealt_can_be_solved() -> None:
    """Swapping two tiles of a solvable board makes an unsolvable one."""
    from wordle_rl.envs.text_arena_repairs import is_fair

    env = arena("FifteenPuzzle-v0")
    for seed in range(20):
        env.reset(seed=seed)
        game = copy.deepcopy(env.match.engine.env)
        assert is_fair(game, "FifteenPuzzle")
        cells = [(r, c) for r in range(4) for c in range(4) if game.board[r][c] is not None]
        (r, c), (s, d) = cells[:2]
        game.board[r][c], game.board[s][d] = game.board[s][d], game.board[r][c]
        assert not is_fair(game, "FifteenPuzzle")


def test_no_clue_of_a_crossword_names_its_word() -> None:
    """In TextArena every tenth crossword has such a clue."""
    from wordle_rl.envs.text_arena_repairs import is_fair

    env = arena("Crosswords-v0")
    for seed in range(60):
        env.reset(seed=seed)
        clues = state(env).game_state["clues"]
        assert not [word for word, clue in clues.items() if word.lower() in clue.lower()]
    clues["send"] = "To Send out invitations for an event. (4 letters)"
    assert not is_fair(env.match.engine.env, "Crosswords")


HANOI = ["[A C]", "[A B]", "[C B]", "[A C]", "[B A]", "[B C]", "[A C]"]
SEND = ["[S 9]", "[E 5]", "[N 6]", "[D 7]", "[M 1]", "[O 0]", "[R 8]", "[Y 2]"]


@pytest.mark.parametrize(
    ("game", "actions"),
    [
        ("TowerOfHanoi-v0", HANOI),
        ("Cryptarithm-v0", SEND),
        ("Countdown-v0", ["[0 2 *]", "[0 4 -]"]),
    ],
)
def test_games_without_chance(game: str, actions: list[str]) -> None:
    info = last_info(arena(game), *actions, seed=0)
    assert info["status"] == "ok"
    if game != "Countdown-v0":
        assert (info["solved"], info["turn"]) == (True, len(actions))


def test_countdown_is_won_at_the_target() -> None:
    env = arena("Countdown-v0", game_options={"numbers": [2, 3, 4], "target": 10})
    assert last_info(env, "[1 2 *]", "[1 0 -]", seed=0)["solved"] is True
    assert last_info(env, "[1 2 *]", "[1 0 +]", seed=0)["solved"] is False


# --- TextArena's other defects


@pytest.mark.parametrize(
    "game", ["Countdown-v0", "Cryptarithm-v0", "Slitherlink-v0", "ThreeCardMonte-v0"]
)
def test_a_reward_is_a_number_and_a_reason_is_text(game: str) -> None:
    """These four hand reason and reward over in the wrong order."""
    env = arena(game, reward="native")
    _, first, second = play(env, "nonsense", "nonsense", seed=0)
    assert "Reason: Invalid" in first[0] or "Reason: Bad" in first[0]
    assert isinstance(second[1], float)
    assert second[4]["problem"] == ""
    assert "Invalid Move: " in second[0]


def test_a_reward_that_is_no_number_counts_nothing_and_is_told() -> None:
    env = arena("GuessTheNumber-v0", reward="native")
    env.reset(seed=0)
    env.step("x")
    state(env).set_invalid_move = lambda **_: state(env).set_outcome(reward="many")
    _, reward, ended, _, info = env.step("x")
    assert (reward, ended, info["problem"]) == (0.0, True, "'many'")


def test_a_game_that_fails_is_an_ended_game() -> None:
    env = arena("GuessTheNumber-v0")
    env.reset(seed=0)
    observation, reward, ended, truncated, info = env.step("[" + "9" * 5000 + "]")
    assert (reward, ended, truncated) == (0.0, True, False)
    assert (info["status"], info["end_reason"], info["solved"]) == ("error", "error", False)
    assert info["problem"].startswith("ValueError: Exceeds the limit")
    assert observation.endswith("The game failed and is over.")
    with pytest.raises(ResetNeeded):
        env.step("[5]")


def test_two_refusals_in_a_row_lose() -> None:
    env = arena("GuessTheNumber-v0")
    statuses = [step[4]["status"] for step in play(env, "x", "[1]", "x", "x", seed=0)[1:]]
    assert statuses == ["invalid", "ok", "invalid", "invalid"]
    info = last_info(env, "x", "[1]", "x", "x", seed=0)
    assert (info["end_reason"], info["turn"]) == ("invalid", 1)


def test_a_limit_outside_of_the_game() -> None:
    """RushHour has no end of its own: a car may go back and forth for ever."""
    env = arena("RushHour-v0", max_turns=6)
    env.reset(seed=0)
    cars = state(env).game_state["vehicles"]
    game = env.match.engine.env
    car = next(c for c in cars if c != "X" and game._can_move(cars, cars[c], True))
    for action in [f"[{car}+]", f"[{car}-]"] * 3:
        observation, _, ended, truncated, info = env.step(action)
        assert info["status"] == "ok"
    assert (ended, truncated, info["end_reason"], info["outcome"]) == (True, False, "max_turns", "")
    assert observation.endswith("The game is called off after 6 turns.")


def test_the_reason_is_the_last_thing_said() -> None:
    env = arena("ThreeCardMonte-v0")
    observation = play(env, "[0]", seed=0)[-1][0]
    assert observation.split("\n")[-1] in (
        "Correct! You found the ball.",
        *(f"Wrong - ball was under cup {cup}." for cup in (1, 2)),
    )


def test_thinking_is_no_move_and_brackets_are_added() -> None:
    env = arena("GuessTheNumber-v0")
    info = last_info(env, "<think>[3] or [4]?</think> 7", seed=0)
    assert (info["guess"], info["status"]) == ("[7]", "ok")
    info = last_info(env, "[3] no, [4]", seed=0)
    assert state(env).game_state["guess_history"][0][0] == 3, "TextArena's first bracket counts"


def test_games_that_print_are_silent(capsys: pytest.CaptureFixture[str]) -> None:
    play(arena("LogicPuzzle-v0"), "x", "x", seed=0)
    assert capsys.readouterr().out == ""
