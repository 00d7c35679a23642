"""`wordle-rl play --env X` of every game: typed to its end, left in the middle, and mistyped."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.arena_games import ALONE, FOR_TWO, accepted_actions, arena
from wordle_rl.cli_play import play
from wordle_rl.envs import GAMES, make_env
from wordle_rl.envs.base import TextEnv
from wordle_rl.envs.opponents import BY_RULE
from wordle_rl.errors import ConfigError

IDS = sorted(game.env_id for game in GAMES.values())
OTHERS = [game for game in IDS if "Wordle" not in game or "Arena" in game]
SHORT = ("ThreeCardMonte-v0", "Secretary-v0")
"""Over with one action."""
each_game = pytest.mark.parametrize("game", IDS + [f"textarena:{game}" for game in ALONE + FOR_TWO])
SEED = 1
SENSE = ["slate", "[50]", "[1234]", "[e]", "[crane]", "42"]
"""Between them at least one action that each of our games understands."""
BAD = [
    "\x1b[2J\x00",
    "\U0001f7e9\U0001f7e9",
    "[" + "9" * 5000 + "]",
    "{}%s",
    "  [  ",
    "<think>",
    "?",
]
LEFT = "you: stopped before the end."


@pytest.fixture(autouse=True)
def data_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The statistics of a test are its own."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))


def run(game: str, lines: list[str], *flags: str) -> Result:
    typed = "".join(f"{line}\n" for line in lines)
    return CliRunner().invoke(play, ["--env", game, "--seed", str(SEED), *flags], input=typed)


def output(game: str, lines: list[str], *flags: str) -> str:
    """What was printed by a game that was played without an error."""
    result = run(game, lines, *flags)
    assert (result.exception, result.exit_code) == (None, 0), result.output
    assert result.stderr == ""
    return result.stdout


def shown(env: TextEnv, lines: list[str]) -> str:
    """What a game says to its end, with what is typed after each of its questions."""
    text, (said, _) = "", env.reset(seed=SEED)
    for line in lines:
        text += f"{said}\n> {line}\n"
        said, _, ended, *_ = env.step(line)
        if ended:
            return f"{text}{said}\n"
    raise AssertionError("the game does not end")


# --- to the end


@pytest.mark.parametrize("game", ALONE + FOR_TWO)
def test_a_game_of_textarena_is_shown_turn_by_turn(game: str) -> None:
    lines = [*accepted_actions(game, SEED), *["no such move"] * 20]
    assert output(f"textarena:{game}", lines) == shown(arena(game), lines)


@pytest.mark.parametrize("game", OTHERS)
def test_a_registered_game_is_shown_turn_by_turn(game: str) -> None:
    """Wordle has a board of its own (`test_cli_play`)."""
    assert output(game, SENSE * 20) == shown(make_env(game), SENSE * 20)


# --- left in the middle, and mistyped


@each_game
@pytest.mark.parametrize("leave", [["quit"], ["", "EXIT"], []], ids=["quit", "exit", "end of file"])
def test_leaving_at_once_exits_0_and_says_so(game: str, leave: list[str]) -> None:
    assert LEFT in output(game, leave)


@pytest.mark.parametrize("game", [game for game in ALONE if game not in SHORT])
def test_leaving_a_game_that_runs(game: str) -> None:
    first = accepted_actions(game, SEED)[0]
    text = output(f"textarena:{game}", [first, "quit"])
    assert text.count("\n> ") == 2
    assert text.endswith(f"\n> quit\n{LEFT}\n")


@pytest.mark.parametrize("game", [game for game in IDS if "Word" in game or "Hangman" in game])
def test_leaving_keeps_the_word(game: str) -> None:
    env = make_env(game)
    env.reset(seed=SEED)
    while not (step := env.step("[!]"))[2]:
        pass
    secret = step[4]["secret"]
    assert secret.isalpha()
    letters = re.sub("[^a-z]", "", output(game, ["[e]", "quit"]).lower())
    assert secret not in letters


@each_game
def test_what_is_no_move_is_answered_without_a_traceback(game: str) -> None:
    text = output(game, [*BAD, *BAD])
    assert f"> {BAD[0]}\n" in text
    assert "Traceback" not in text
    assert "\x1b" not in text.replace(BAD[0], ""), "it repeats what was typed, and adds nothing"


@pytest.mark.parametrize(
    ("game", "flags", "message"),
    [
        (
            "textarena:Sokobann-v0",
            [],
            "unknown TextArena game 'Sokobann-v0': did you mean 'Sok",
        ),
        ("textarena:Klondike-v0", [], "TextArena game 'Klondike-v0' does not run in TextArena"),
        ("textarena:Taboo-v0", [], "TextArena game 'Taboo-v0' is for three players or more"),
        ("mastermnd", [], "unknown game 'mastermnd': did you mean 'mastermind'"),
        ("math", ["--split", "test", "--hard"], "unknown option of game 'math': 'hard_mode'"),
        ("hangman", ["--versus", "--agent", "random"], "--versus and --games are for Wordle"),
    ],
)
def test_a_mistake_is_one_line_with_exit_code_2(game: str, flags: list[str], message: str) -> None:
    check_mistake(run(game, ["[1]"], *flags), message)


def check_mistake(result: Result, message: str) -> None:
    assert isinstance(result.exception, ConfigError)
    assert str(result.exception).startswith(message)
    assert "\n" not in str(result.exception)
    assert (result.exception.exit_code, result.output) == (2, "")


# --- games for two


CELLS = [f"[{cell}]" for cell in (4, 0, 2, 6, 8, 1, 3, 5, 7)] * 2
REMOVALS = [f"[{pile} 1]" for pile in (0, 1, 2)] * 8
by_rule = pytest.mark.parametrize(
    ("game", "lines"), [("TicTacToe-v0", CELLS), ("Nim-v0", REMOVALS)], ids=["TicTacToe", "Nim"]
)


@by_rule
@pytest.mark.parametrize("opponent", [*BY_RULE, "agent:solver", "sampled:random"])
def test_a_game_against_each_opponent_by_name(game: str, lines: list[str], opponent: str) -> None:
    text = output(f"textarena:{game}", lines, "--opponent", opponent)
    assert text == shown(arena(game, opponent=opponent), lines)
    assert re.search(r"(You won|You lost|It is a draw)\.$", text)


@by_rule
def test_nobody_beats_the_perfect_one(game: str, lines: list[str]) -> None:
    ends = [
        output(f"textarena:{game}", lines, "--opponent", "perfect", "--seed", str(seed))
        for seed in range(10)
    ]
    assert all(end.endswith(("You lost.\n", "It is a draw.\n")) for end in ends)


def test_a_game_against_an_opponent_of_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "opponent_for_play.py").write_text(
        "def mine(said, chance):\n    return 'I resign'\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    text = output("textarena:Nim-v0", ["[0 1]"], "--opponent", "opponent_for_play:mine")
    assert text.endswith("You won.\n")


def test_an_agent_is_watched_against_an_opponent() -> None:
    flags = ["--agent", "solver", "--opponent", "perfect"]
    assert output("textarena:TicTacToe-v0", [], *flags).endswith("It is a draw.\n")


@pytest.mark.parametrize(
    ("game", "opponent", "message"),
    [
        ("textarena:Nim-v0", "perfct", "unknown opponent 'perfct': did you mean 'perfect'"),
        ("textarena:Nim-v0", "nothing:here", "cannot import opponent 'nothing:here'"),
        ("textarena:ConnectFour-v0", "greedy", "there is no greedy opponent for 'ConnectFour-v0'"),
        ("textarena:Sudoku-v0", "perfect", "opponent 'perfect' is for games for two, not for 'Sud"),
        ("wordle", "perfect", "unknown option of game 'wordle': 'opponent'"),
    ],
)
def test_no_such_opponent_is_one_line(game: str, opponent: str, message: str) -> None:
    check_mistake(run(game, ["[1]"], "--opponent", opponent), message)


# --- the game's own options


def test_the_options_of_a_game_are_the_player_s() -> None:
    said = output("guess-number", ["quit"], "--option", "hi=9", "--option", "max_guesses=2")
    assert "from 1 to 9 in at most 2 guesses" in said
    said = output("textarena:Nim-v0", ["quit"], "--option", "game_options={piles=[1, 2]}")
    assert "pile 1: 2" in said
    seat = ["--opponent", "agent:solver", "--option", "seat=1"]
    assert "You are Player 1" in output("textarena:TicTacToe-v0", ["quit"], *seat)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("hj=9", "unknown option of game 'guess-number': 'hj'"),
        ("hi=nine", "hi 'nine' is not a whole number"),
        ("hi", "--option 'hi': write it as key=value"),
        ("=9", "--option '=9': write it as key=value"),
        (
            "track_candidates=maybe",
            "option track_candidates of game 'guess-number' is 'maybe': write true or false",
        ),
    ],
)
def test_an_option_that_there_is_not_is_one_line(option: str, message: str) -> None:
    check_mistake(run("guess-number", ["5"], "--option", option), message)


def test_what_a_flag_says_is_not_said_otherwise() -> None:
    twice = ["--opponent", "perfect", "--option", "opponent=random"]
    line = "--opponent 'perfect' and --option opponent='random': leave one out"
    check_mistake(run("textarena:TicTacToe-v0", ["[1]"], *twice), line)
    twice = ["--split", "val", "--option", "split=train"]
    check_mistake(run("guess-number", ["5"], *twice), "option split='train' is 'val' in play")
    line = "option render_mode='human' is None in play"
    check_mistake(run("guess-number", ["5"], "--option", "render_mode=human"), line)


def test_what_play_needs_is_not_an_option() -> None:
    check_mistake(
        run("wordle", ["quit"], "--option", "style=compact"),
        "option style='compact' is 'chat' in play",
    )
