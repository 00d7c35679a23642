"""`wordle-rl play`: a person, an agent, both; pipes, ends of file, Ctrl-C and real terminals."""

import os
import re
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from wordle_rl.agents import loading
from wordle_rl.agents.base import Move, Opening, View
from wordle_rl.cli_play import play
from wordle_rl.envs import make_env
from wordle_rl.envs.base import Style
from wordle_rl.envs.daily import daily_word, day_number
from wordle_rl.envs.feedback import consistent, feedback
from wordle_rl.errors import ConfigError, RunError
from wordle_rl.records import Completion, FinishReason

COMMAND = [sys.executable, "-m", "wordle_rl.cli", "play"]
SLOW_S = 300


class Script:
    """An agent that plays the same lines in every game, then stops answering."""

    name = "script"
    style: Style = "compact"

    def __init__(self, *lines: str) -> None:
        self.lines = lines
        self.played = 0

    def begin(self, openings: Sequence[Opening], *, temperature: float) -> "Script":
        self.played = 0
        return self

    def act(self, views: Mapping[int, View]) -> Mapping[int, Move]:
        if self.played == len(self.lines):
            return {}
        self.played += 1
        return {0: Move(action=self.lines[self.played - 1])}


def run(*args: str, typed: str = "") -> Result:
    return CliRunner().invoke(play, args, input=typed)


def output(*args: str, typed: str = "") -> str:
    result = run(*args, typed=typed)
    assert result.exit_code == 0, result.output
    return result.output


def fitting(*guesses: str, secret: str = "crane") -> list[str]:
    """The possible words that fit some guesses."""
    rows = [(guess, feedback(guess, secret)) for guess in guesses]
    return [word for word in make_env("wordle").public()["answers"] if consistent(word, rows)]


def letters(text: str) -> str:
    """The text without all that is no letter, so that tiles cannot hide a word."""
    return re.sub("[^a-z]", "", text.lower())


@pytest.fixture(autouse=True)
def data_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The statistics of a test are its own."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path / "data" / "wordle-rl"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    agent = Script("vivid", "slate", "crane")
    monkeypatch.setattr(loading, "load_agent", lambda name, device: agent)
    return agent


# --- a person


def test_a_won_game_from_a_pipe() -> None:
    assert output("--secret", "crane", typed="slate\ncrane\n").splitlines() == [
        "Wordle: 5 letters, 6 guesses. ? for a hint, quit to stop.",
        "[A] right place  (A) elsewhere   a  not in the word",
        "",
        "1/6> slate",
        " s  l [A] t [E]",
        "",
        " q  w [E] r  .  y  u  i  o  p ",
        "  [A] .  d  f  g  h  j  k  . ",
        "      z  x  c  v  b  n  m ",
        "",
        "2/6> crane",
        "[C][R][A][N][E]",
        "",
        "you: solved in 2, CRANE.",
        "",
        "wordle-rl 2/6",
        "",
        "⬛⬛🟩⬛🟩",
        "🟩🟩🟩🟩🟩",
        "",
    ]


def test_a_lost_game_tells_the_word_at_the_end_only() -> None:
    text = output("--secret", "crane", "--contrast", typed="slate\n" * 6)
    body, end = text.split("you: ")
    assert "crane" not in letters(body)
    assert end.startswith("not solved. The word was CRANE.\n\nwordle-rl X/6\n")
    assert end.count("⬛⬛🟧⬛🟧") == 6


@pytest.mark.parametrize("typed", ["", "slate\n", "slate\nquit\n", "slate", "\n\n"])
def test_leaving_keeps_the_secret_and_exits_0(typed: str) -> None:
    text = output("--secret", "crane", typed=typed)
    assert text.endswith("you: stopped before the end. The word stays hidden.\n")
    assert "crane" not in letters(text)
    assert "wordle-rl" not in text


def test_refused_words_cost_nothing_and_are_explained() -> None:
    typed = "xyzzy\ncran\ncr4ne\ntwo words\ncrane\n"
    text = output("--secret", "crane", typed=typed)
    assert text.count("1/6> ") == 5
    assert "2/6> " not in text
    for reason in (
        "Not in the word list.",
        "The word has 5 letters.",
        "Type one word of 5 letters.",
        "you: solved in 1, CRANE.",
    ):
        assert reason in text


def test_endless_refused_input_ends() -> None:
    text = output("--secret", "crane", typed="xyzzy\n" * 1000)
    assert text.count("xyzzy\nNot in the word list.") == 99
    assert "you: not solved." in text


def test_hard_mode_says_what_must_be_used() -> None:
    text = output("--hard", "--secret", "crane", typed="slate\nsound\ncrane\n")
    assert text.startswith("Wordle, hard mode: ")
    assert "2/6> sound\nHard mode: letter 3 must be A.\n2/6> crane\n" in text
    assert "wordle-rl 2/6*" in text


def test_hints_count_and_then_suggest_a_word_that_fits() -> None:
    text = output("--secret", "image", "--seed", "1", typed="slate\n?\nhint\nquit\n")
    marks = feedback("slate", "image")
    fitting = [w for w in make_env("wordle").public()["answers"] if feedback("slate", w) == marks]
    assert f"2/6> ?\n{len(fitting)} of the possible words fit. Type ? again for one" in text
    suggestion = re.search(r"2/6> hint\nTry (\w+)\.\n", text)
    assert suggestion is not None
    assert suggestion[1] in fitting


def test_a_seed_is_one_secret_and_is_named_for_another_try() -> None:
    first = output("--seed", "7", "--split", "test", typed="slate\n" * 6)
    assert first == output("--seed", "7", "--split", "test", typed="slate\n" * 6)
    assert first.endswith("Play it again with --seed 7.\n")
    env = make_env("wordle", split="test")
    env.reset(seed=7)
    word = re.search("The word was ([A-Z]+)", first)
    assert word is not None
    assert word[1].lower() in env.unwrapped.answers  # type: ignore[attr-defined]


def test_without_a_seed_games_differ_and_name_theirs() -> None:
    seeds = {re.search(r"--seed (\d+)", output(typed="quit\n"))[1] for _ in range(3)}  # type: ignore[index]
    assert len(seeds) == 3


# --- an agent


def test_watching_an_agent(script: Script) -> None:
    text = output("--agent", "script", "--secret", "crane", "--seed", "3")
    assert text.splitlines() == [
        "script plays Wordle, seed 3.",
        "[A] right place  (A) elsewhere   a  not in the word",
        "",
        f" v  i  v  i  d   {len(fitting('vivid'))} left",
        f" s  l [A] t [E]  {len(fitting('vivid', 'slate'))} left",
        "[C][R][A][N][E]",
        "script: solved in 3, CRANE.",
        "",
    ]


def test_watching_several_games_counts_the_wins(script: Script) -> None:
    text = output("--agent", "script", "--secret", "crane", "--seed", "3", "--games", "2")
    assert "script plays Wordle, seed 3.\n" in text
    assert "script plays Wordle, seed 4.\n" in text
    assert text.endswith("script solved 2 of 2.\n")


def test_a_refused_guess_of_an_agent_is_shown_and_costs_a_turn(script: Script) -> None:
    script.lines = ("xyzzy", "no idea at all", "crane")
    text = output("--agent", "script", "--secret", "crane")
    everything = len(fitting())
    assert f"\nrefused: xyzzy  {everything} left\nrefused  {everything} left\n" in text
    assert "script: solved in 3, CRANE." in text


@pytest.mark.parametrize("lines", [(), ("slate",)])
def test_an_agent_that_stops_answering(script: Script, lines: tuple[str, ...]) -> None:
    script.lines = lines
    text = output("--agent", "script", "--secret", "crane")
    assert "script: stopped before the end.\n" in text
    assert text.count("[A] t [E]") == len(lines)
    assert "crane" not in letters(text)


def test_a_baseline_by_name() -> None:
    text = output("--agent", "random-consistent", "--seed", "1")
    assert text.startswith("random-consistent plays Wordle, seed 1.\n")
    assert re.search(r"random-consistent: (solved in [1-6], |not solved\. The word was )", text)


# --- against an agent


def test_versus_covers_the_agents_letters_until_the_end(script: Script) -> None:
    typed = "moist\nslate\ntrace\ncrane\n"
    text = output("--agent", "script", "--versus", "--secret", "crane", typed=typed)
    before_last_guess = text[: text.index("4/6> ")]
    assert "vivid" not in letters(before_last_guess)
    assert "crane" not in letters(before_last_guess)
    assert re.findall(r"[ .\[\]()a-zA-Z]{15} {4}([ .\[\]()]{15})\n", before_last_guess) == [
        " .  .  .  .  . ",
        " .  . [ ] . [ ]",
        "[ ][ ][ ][ ][ ]",
    ]
    end = re.sub(" +\n", "\n", text[text.index("4/6> ") :])
    assert " m  o  i  s  t      v  i  v  i  d\n" in end
    assert " t [R][A] c [E]    [C][R][A][N][E]\n" in end.replace("(C)", " c ")
    assert "you: solved in 4, CRANE.\nscript: solved in 3, CRANE.\nscript won.\n" in end
    assert "wordle-rl 4/6\n" in end


def test_versus_goes_on_for_the_agent_when_the_person_is_done(script: Script) -> None:
    text = output("--agent", "script", "--versus", "--secret", "crane", typed="crane\n")
    assert text.count("/6> ") == 1
    assert "you: solved in 1, CRANE.\nscript: solved in 3, CRANE.\nyou won.\n" in text


def test_versus_can_be_a_draw(script: Script) -> None:
    typed = "moist\nslate\ncrane\n"
    assert "\nA draw.\n" in output("--agent", "x", "--versus", "--secret", "crane", typed=typed)


def test_leaving_a_versus_game_keeps_the_word_that_the_agent_has_found(script: Script) -> None:
    typed = "moist\nslate\nmoist\nquit\n"
    text = output("--agent", "script", "--versus", "--secret", "crane", typed=typed)
    assert "[ ][ ][ ][ ][ ]" in text
    assert "crane" not in letters(text)
    assert "vivid" not in letters(text)
    assert text.endswith("you: stopped before the end. The word stays hidden.\n")


def test_versus_an_agent_that_stops_goes_on_for_the_person(script: Script) -> None:
    script.lines = ("vivid",)
    text = output("--agent", "x", "--versus", "--secret", "crane", typed="moist\nslate\ncrane\n")
    assert "you: solved in 3, CRANE.\nscript: stopped before the end.\nyou won.\n" in text


# --- the word of the day


def test_the_daily_word_is_the_same_for_everybody() -> None:
    first = output("--daily", "2026-11-25", typed="slate\n" * 6)
    assert first == output("--daily", "2026-11-25", typed="slate\n" * 6)
    assert first.startswith("Daily word 329: 5 letters, 6 guesses.")
    word = daily_word(date(2026, 11, 25), make_env("wordle").public()["answers"])
    assert f"The word was {word.upper()}." in first
    assert "\nwordle-rl daily word 329 X/6\n" in first
    assert "--seed" not in first


def test_without_a_date_it_is_the_word_of_today() -> None:
    days = [date.today() - timedelta(days=1), date.today(), date.today() + timedelta(days=1)]
    numbers = [str(day_number(day)) for day in days]  # midnight may pass during the test
    heading = re.match(
        r"Daily word (\d+), hard mode: ", output("--daily", "--hard", typed="quit\n")
    )
    assert heading is not None
    assert heading[1] in numbers


def test_an_agent_plays_the_daily_word(script: Script) -> None:
    text = output("--agent", "script", "--daily", "2026-11-26")
    assert text.startswith("script plays daily word 330.\n")


# --- what an agent thinks


class Foresight(Script):
    """A script that says how likely some answers were, in the context of its move."""

    def act(self, views: Mapping[int, View]) -> Mapping[int, Move]:
        def spoken(text: str) -> Completion:
            return Completion(
                text=text,
                prompt_ids=(self.played,),
                token_ids=(9,),
                logprobs=(-1.0,),
                finish_reason=FinishReason.STOP,
            )

        moves = super().act(views)
        return {i: Move(action=m.action, completion=spoken(m.action)) for i, m in moves.items()}

    def likely_answers(
        self, prompt_ids: tuple[int, ...], *, count: int
    ) -> Sequence[tuple[str, float]]:
        return [("cr\x1bane", prompt_ids[0] / 8), ("slate", 0.05)][:count]


def test_likely_answers_are_listed_before_each_move(monkeypatch: pytest.MonkeyPatch) -> None:
    agent = Foresight("vivid", "crane")
    monkeypatch.setattr(loading, "load_agent", lambda name, device: agent)
    lines = output("--agent", "x", "--secret", "crane").splitlines()
    assert lines[0].startswith("likely: whole answers and their probabilities at temperature 1")
    assert lines[5:9] == [
        "likely: cr?ane 12.5%, slate 5.0%; together 17.5%",
        f" v  i  v  i  d   {len(fitting('vivid'))} left",
        "likely: cr?ane 25.0%, slate 5.0%; together 30.0%",
        "[C][R][A][N][E]",
    ]


def test_likely_answers_of_an_opponent_stay_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    agent = Foresight("vivid", "crane")
    monkeypatch.setattr(loading, "load_agent", lambda name, device: agent)
    text = output("--agent", "x", "--versus", "--secret", "crane", typed="moist\nslate\nquit\n")
    assert "likely" not in text


# --- other games

ECHO_GAME = """
from wordle_rl.envs.base import TextEnv

class Echo(TextEnv):
    def __init__(self, style="chat", render_mode=None):
        super().__init__(render_mode=render_mode)
    def public(self):
        return {}
    def _start(self, options):
        return "say stop", {"solved": False}
    def _move(self, action):
        return f"heard {action}", 0.0, action == "stop", {"solved": action == "stop"}
"""


@pytest.fixture
def echo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "echo_game_for_play.py").write_text(ECHO_GAME)
    monkeypatch.syspath_prepend(str(tmp_path))
    return "echo_game_for_play:Echo"


def test_another_game_is_plain_text(echo: str) -> None:
    text = output("--env", echo, typed="hello\nstop\n")
    assert text == "say stop\n> hello\nheard hello\n> stop\nheard stop\n"


def test_leaving_another_game(echo: str) -> None:
    assert output("--env", echo) == "say stop\n> \nyou: stopped before the end.\n"


def test_watching_another_game(echo: str, script: Script) -> None:
    script.lines = ("a\x1b[2J", "stop")
    text = output("--env", echo, "--agent", "script")
    assert text == "say stop\n> a?[2J\nheard a\x1b[2J\n> stop\nheard stop\n"


@pytest.mark.parametrize(
    ("game", "said"),
    [
        ("guess-number", "Guess 1/7: "),
        ("mastermind", "Guess 1/10: "),
        ("hangman", " Lives: "),
        ("math", "Answer 1/1: "),
        ("textarena:TicTacToe-v0", "---+---+---"),
        ("textarena-wordle", "You have 5 guesses left."),
    ],
)
def test_who_watches_an_agent_reads_plain_english(game: str, said: str) -> None:
    text = output("--env", game, "--agent", "random", "--seed", "1")
    assert said in text
    assert "> " in text


def test_a_player_at_random_does_not_draw_the_secret_itself() -> None:
    """The game and who plays it have seeds of their own."""
    firsts = [
        output("--env", "guess-number", "--agent", "random", "--seed", str(seed))
        for seed in range(8)
    ]
    assert sum("Solved in 1." in text for text in firsts) <= 1


# --- what is refused before anything starts


@pytest.mark.parametrize(
    ("args", "what"),
    [
        (["--secret", "planet"], "'planet' is not a word of 5 letters"),
        (["--secret", "xyzzy"], "'xyzzy' is not in the word list"),
        (["--versus"], "--agent"),
        (["--games", "2"], "--agent"),
        (["--agent", "nobody"], "unknown agent 'nobody'"),
        (["--env", "wordel"], "did you mean 'wordle'"),
        (["--daily", "yesterday"], "--daily 'yesterday' is no date"),
        (["--daily", "2999-01-01"], "is in the future"),
        (["--daily", "--secret", "crane"], "--secret 'crane' and --daily both say which word"),
        (["--daily", "--seed", "0"], "--seed 0 and --daily"),
        (["--daily", "--split", "test"], "--split 'test' and --daily"),
        (["--daily", "--agent", "random", "--games", "2"], "--games 2 and --daily"),
        (["--daily", "--env", "mastermind"], "--daily is for Wordle, not for 'mastermind'"),
    ],
)
def test_a_mistake_is_one_line_with_exit_code_2(args: list[str], what: str) -> None:
    result = run(*args, typed="crane\n")
    assert isinstance(result.exception, ConfigError)
    assert result.exception.exit_code == 2
    assert what in str(result.exception)
    assert "\n" not in str(result.exception)
    assert result.output == ""


# --- processes


def finish(process: "subprocess.Popen[bytes]") -> tuple[int, str, str]:
    out, err = process.communicate(timeout=SLOW_S)
    return process.returncode, out.decode(), err.decode()


def start(*args: str, stdout: int = subprocess.PIPE) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [*COMMAND, *args],
        stdin=subprocess.PIPE,
        stdout=stdout,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )


def read_until(fd: int, mark: str) -> str:
    """What a process writes up to a mark; fails when it writes nothing for `SLOW_S`."""
    seen = b""
    while mark.encode() not in seen:
        ready, _, _ = select.select([fd], [], [], SLOW_S)
        assert ready, f"waited for {mark!r}, saw {seen!r}"
        chunk = os.read(fd, 65536)
        assert chunk, f"ended before {mark!r}, saw {seen!r}"
        seen += chunk
    return seen.decode(errors="replace")


def test_an_interrupt_exits_130_without_a_traceback() -> None:
    with start("--secret", "crane") as process:
        assert process.stdout is not None
        read_until(process.stdout.fileno(), "1/6> ")
        process.send_signal(signal.SIGINT)
        code, out, err = finish(process)
    assert (code, out, err) == (130, "\n", "")


def test_a_closed_pipe_ends_without_a_traceback() -> None:
    read_end, write_end = os.pipe()
    with start("--secret", "crane", stdout=write_end) as process:
        os.close(write_end)
        read_until(read_end, "1/6> ")
        os.close(read_end)
        _, err = process.communicate(b"slate\ncrane\n", timeout=SLOW_S)
    assert (process.returncode, err) == (1, b"")


def test_a_bad_secret_is_one_line_on_standard_error() -> None:
    with start("--secret", "planet") as process:
        code, out, err = finish(process)
    assert (code, out) == (2, "")
    assert err == "Error: secret 'planet' is not a word of 5 letters\n"


def test_no_standard_streams_at_all() -> None:
    shell = 'exec "$@" <&- >&-'
    done = subprocess.run(
        ["sh", "-c", shell, "sh", *COMMAND, "--secret", "crane"],
        capture_output=True,
        timeout=SLOW_S,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_bytes_that_are_no_text_and_a_terminal_without_emoji() -> None:
    done = subprocess.run(
        [*COMMAND, "--secret", "crane"],
        input=b"\xff\xfe\ncrane\n",
        capture_output=True,
        timeout=SLOW_S,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"1/6> ??\nType one word of 5 letters.\n" in done.stdout
    assert done.stdout.endswith(b"wordle-rl 1/6\n\nGGGGG\n\n")


# --- terminals


class Terminal:
    """A process with a terminal of its own."""

    def __init__(self, *args: str, **environ: str) -> None:
        self.fd, child = os.openpty()
        base = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR")}
        self.process = subprocess.Popen(
            [sys.executable, "-c", TAKE_TERMINAL, "play", *args],
            stdin=child,
            stdout=child,
            stderr=child,
            env={**base, "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8", **environ},
            start_new_session=True,
        )
        os.close(child)

    def type(self, text: str) -> None:
        os.write(self.fd, text.encode())

    def rest(self) -> tuple[int, str]:
        """Exit code, and all that is written until the end."""
        seen = b""
        deadline = time.monotonic() + SLOW_S
        while time.monotonic() < deadline:
            ready, _, _ = select.select([self.fd], [], [], 1.0)
            try:
                chunk = os.read(self.fd, 65536) if ready else b""
            except OSError:  # the other side is closed
                break
            seen += chunk
        return self.process.wait(timeout=SLOW_S), seen.decode(errors="replace")

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.fd)


TAKE_TERMINAL = f"""
import fcntl
fcntl.ioctl(0, {termios.TIOCSCTTY}, 0)
from wordle_rl.cli import main
main()
"""
ENTER_PAGE, LEAVE_PAGE = "\x1b[?1049h", "\x1b[?1049l"


@pytest.fixture
def terminal(request: pytest.FixtureRequest) -> "type[Terminal]":
    """Terminals that are closed at the end of the test."""

    class Closing(Terminal):
        def __init__(self, *args: str, **environ: str) -> None:
            super().__init__(*args, **environ)
            request.addfinalizer(self.close)

    return Closing


def test_a_terminal_has_colours_and_the_board_stays_when_the_page_is_left(
    terminal: type[Terminal],
) -> None:
    game = terminal("--secret", "crane")
    first = read_until(game.fd, "1/6> ")
    assert ENTER_PAGE in first
    game.type("slate\n")
    second = read_until(game.fd, "2/6> ")
    assert "\x1b[" in second
    assert "[A]" not in second
    game.type("crane\n")
    code, rest = game.rest()
    assert code == 0
    after = rest.split(LEAVE_PAGE)[1]
    assert "you: solved in 2, CRANE." in after
    assert "⬛⬛🟩⬛🟩\r\n🟩🟩🟩🟩🟩" in after
    assert " C " in after


def test_no_color_means_no_colour_codes(terminal: type[Terminal]) -> None:
    game = terminal("--secret", "crane", NO_COLOR="1")
    read_until(game.fd, "1/6> ")
    game.type("slate\n")
    row = read_until(game.fd, "2/6> ")
    assert " s  l [A] t [E]" in row
    assert not re.search(r"\x1b\[[0-9;]*(3[0-7]|4[0-7]|9[0-7]|38|48)[0-9;]*m", row)
    game.type("quit\n")
    code, rest = game.rest()
    assert code == 0
    assert "The word stays hidden." in rest


def test_ctrl_c_leaves_the_page_and_exits_130(terminal: type[Terminal]) -> None:
    game = terminal("--secret", "crane")
    read_until(game.fd, "1/6> ")
    game.type("\x03")
    code, rest = game.rest()
    assert code == 130
    assert LEAVE_PAGE in rest
    assert "Traceback" not in rest


def test_ctrl_d_exits_0(terminal: type[Terminal]) -> None:
    game = terminal("--secret", "crane")
    read_until(game.fd, "1/6> ")
    game.type("\x04")
    code, rest = game.rest()
    assert code == 0
    assert "The word stays hidden." in rest.split(LEAVE_PAGE)[1]
    assert "crane" not in letters(rest)


def test_a_narrow_terminal_stacks_boards_that_do_not_fit(terminal: type[Terminal]) -> None:
    game = terminal("--secret", "crane", "--agent", "random", "--versus", COLUMNS="30")
    first = read_until(game.fd, "1/6> ")
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", first).replace("\r", "").splitlines()
    assert max(map(len, plain)) <= 30
    assert plain.count(" _  _  _  _  _ ") == 12


# --- statistics


def play_at(game: Terminal, *guesses: str) -> str:
    for turn, guess in enumerate(guesses, start=1):
        read_until(game.fd, f"{turn}/6> ")
        game.type(f"{guess}\n")
    code, rest = game.rest()
    assert code == 0
    return rest.split(LEAVE_PAGE)[1].replace("\r", "")


def test_games_at_a_terminal_are_counted_and_a_daily_word_once(
    terminal: type[Terminal], data_home: Path
) -> None:
    word = daily_word(date(2026, 11, 20), make_env("wordle").public()["answers"])
    assert "Played 1, won 100 %, streak 1, best 1" in play_at(
        terminal("--daily", "2026-11-20"), "slate", word
    )
    again = terminal("--daily", "2026-11-20")
    assert "does not count again" in " ".join(read_until(again.fd, "1/6> ").split())
    again.type(f"{word}\n")
    assert "Played 1, won 100 %" in again.rest()[1]
    assert '"n_guesses": 2' in (data_home / "games.json").read_text()
    assert output("--stats").startswith("Played 1, won 100 %")


def test_a_word_that_was_chosen_is_not_counted(terminal: type[Terminal], data_home: Path) -> None:
    assert "Played" not in play_at(terminal("--secret", "crane"), "crane")
    assert output("--stats") == "No finished games yet.\n"
    assert not data_home.exists()


def test_statistics_that_cannot_be_kept_are_one_line(
    terminal: type[Terminal], data_home: Path
) -> None:
    data_home.parent.mkdir(parents=True)
    data_home.write_text("a file where the folder should be")
    text = play_at(terminal("--daily", "2026-11-20"), *["slate"] * 6)
    assert "\nThe statistics could not be kept: " in text
    assert "Traceback" not in text
    result = run("--stats")
    assert isinstance(result.exception, RunError)


def test_letters_that_are_typed_take_the_colours_they_have(terminal: type[Terminal]) -> None:
    game = terminal("--secret", "crane", NO_COLOR="1")
    read_until(game.fd, "1/6> ")
    game.type("slate\n")
    read_until(game.fd, "2/6> ")
    game.type("lax\x7fe")
    assert "2/6>  l [A][E]" in read_until(game.fd, "l [A][E]")
    game.type("\x04\x15\x04")
    code, rest = game.rest()
    assert code == 0
    assert "The word stays hidden." in rest
