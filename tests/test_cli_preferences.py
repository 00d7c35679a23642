"""`wordle-rl preferences` and `wordle-rl rank`: rankings by rule and by hand."""

import json
from collections.abc import Sequence
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from tests.chat_server import ChatServer, Request, Response, completion
from tests.played import LOST, TASK, WON, play
from tests.ten_words import WORDS, taught_agent
from wordle_rl.cli import cli
from wordle_rl.errors import ConfigError, RunError
from wordle_rl.evaluation.replay import PLAIN
from wordle_rl.rank_session import Pair, Tally, names_of, rank_pairs, show_pair
from wordle_rl.records import Episode, EpisodeGroup
from wordle_rl.training.game_files import write_games
from wordle_rl.training.preference_makers import (
    by_outcome,
    in_pairs,
    pairs_to_rank,
    rank_group,
    recorded_groups,
)
from wordle_rl.training.preferences import Ranking, read_preferences

QUICK = play("[pound]")
SLOW = play("[stare]", "[stare]", "[mound]", "[pound]")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run that kept three groups, the last without a difference."""
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "config.toml").write_text("[train]\n[env]\nid = 'wordle'\n")
    keep(folder, 5, [WON, LOST, QUICK], [LOST, SLOW])
    keep(folder, 6, [LOST, LOST])
    return folder


def keep(folder: Path, step: int, *groups: Sequence[Episode]) -> None:
    kept = []
    for p, episodes in enumerate(groups):
        task = replace(TASK, task_id=f"step-{step - 1}/task-{p}")
        games = tuple(replace(episode, task=task) for episode in episodes)
        kept.append(EpisodeGroup(task=task, episodes=games))
    write_games(folder / "episodes", step, kept, limit=99)


def command(*arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(cli, arguments, input=stdin)


def answers(ranking: Ranking) -> list[str]:
    """The last word said in each answer, the best first."""
    return [response[-2] for response in ranking.responses]


# --- by outcome


def test_a_won_game_stands_before_a_lost_one(run: Path, tmp_path: Path) -> None:
    done = command("preferences", str(run), str(tmp_path / "p.jsonl"), "--json")
    assert done.exit_code == 0, done.output
    first, second = read_preferences(tmp_path / "p.jsonl")
    assert json.loads(done.stdout) == {
        "path": str(tmp_path / "p.jsonl"),
        "groups": 3,
        "games": 7,
        "rankings": 2,
        "pairs": 3,
        "secrets": 1,
    }
    assert first.ranks == (1, 1, 2)
    assert sorted(answers(first)[:2]) == ["[pound]", "[pound]"]
    assert second.ranks == (1, 2)
    assert (first.group, first.info["source"]) == ("pound", "outcome")
    assert first.info["games"][-1] == "step-5/step-4/task-0/1"
    assert first.responses[-1][-1].endswith("pound")
    assert first.prompt == ("wordle 5x6",)


def test_among_won_games_the_higher_return_comes_first() -> None:
    games = [replace(g, won=True) for group in [_known(WON, LOST)] for g in group]
    better, worse = replace(games[1], reward=0.9), replace(games[0], reward=0.6)
    [ranking] = rank_group([worse, better], by_outcome, {})
    assert ranking.responses[0][0] == better.actions[0]
    assert ranking.info["games"] == [better.name, worse.name]
    nearly = replace(better, reward=0.2 + 0.2 + 0.2)
    assert rank_group([worse, nearly], by_outcome, {}) == []


def _known(*episodes: Episode) -> list[Any]:
    from wordle_rl.training.known_games import known_game

    return [known_game(e, suite="s", name=str(n)) for n, e in enumerate(episodes)]


def test_pairs_are_of_different_rank_and_at_most_so_many(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "p.jsonl"
    done = command("preferences", str(run), str(out), "--pairs", "1", "--json")
    assert json.loads(done.stdout)["pairs"] == json.loads(done.stdout)["rankings"] == 2
    for line in out.read_text().splitlines():
        pair = json.loads(line)
        assert pair["chosen"][-2]["content"] == "[pound]"
        assert pair["rejected"][-2]["content"] == "[stare]"
        assert len(pair["games"]) == 2
    [whole, _] = [r for g in recorded_groups(run) for r in rank_group(g, by_outcome, {})]
    assert len(in_pairs(whole, 99)) == whole.pairs == 2


def test_fresh_games_are_played_on_training_secrets(tmp_path: Path) -> None:
    taught_agent().save(tmp_path / "model")
    options = json.dumps(list(WORDS))
    sets = (f"env.options.answers={options}", f"env.options.guesses={options}")
    arguments = ["--play", "--groups", "4", "--games", "6", "--device", "cpu"]
    arguments += [part for item in sets for part in ("--set", item)]
    results = []
    for name in ("a", "b"):
        out = tmp_path / f"{name}.jsonl"
        done = command("preferences", str(tmp_path / "model"), str(out), *arguments)
        assert done.exit_code == 0, done.output
        assert "from 24 games in 4 groups" in done.stdout
        results.append(out.read_text())
    assert results[0] == results[1]
    found = read_preferences(tmp_path / "a.jsonl")
    assert {r.group for r in found} <= set(WORDS)
    for ranking in found:
        won = [response[-1].startswith("GGGGG") for response in ranking.responses]
        assert won == sorted(won, reverse=True)


# --- by a judge


def test_a_judge_decides_whoever_won(run: Path, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)

    def grade(request: Request) -> Response:
        text = request.said
        return Response(completion("SCORE: 9" if "mound" in text else "SCORE: 2"))

    with ChatServer(grade) as server:
        judge = ("--by", "judge", "--set", "judge.model=m", "--set", f"judge.base_url={server.url}")
        done = command("preferences", str(run), "p.jsonl", *judge)
    assert done.exit_code == 0, done.output
    found = read_preferences(Path("p.jsonl"))
    assert [r.info["source"] for r in found] == ["judge", "judge"]
    assert all("mound" in "".join(r.responses[0]) for r in found)
    assert found[0].ranks == (1, 2, 2)


# --- what is refused


def test_what_cannot_be_made(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "p.jsonl"
    out.write_text("mine")
    for arguments, message in (
        ((str(run), str(out)), "exists already"),
        ((str(run), str(tmp_path / "nix" / "p.jsonl")), "there is no folder"),
        ((str(run), str(tmp_path / "q.jsonl"), "--games", "4"), "add --play"),
        ((str(run), str(tmp_path / "q.jsonl"), "--by", "judge"), "the judge has no model"),
    ):
        error = command("preferences", *arguments).exception
        assert isinstance(error, ConfigError)
        assert message in str(error)
    assert out.read_text() == "mine"
    assert isinstance(command("preferences", "nix", str(tmp_path / "q.jsonl")).exception, RunError)
    assert not (tmp_path / "q.jsonl").exists()


def test_games_that_are_all_alike_make_no_file(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[train]\n")
    keep(tmp_path, 1, [LOST, LOST])
    error = command("preferences", str(tmp_path), str(tmp_path / "p.jsonl")).exception
    assert "no game of" in str(error)
    assert not (tmp_path / "p.jsonl").exists()


# --- by a person


def verdicts(run: Path) -> list[Ranking]:
    return read_preferences(run / "preferences.jsonl")


def typed(run: Path, lines: str) -> Result:
    done = command("rank", str(run), stdin=lines)
    assert done.exit_code == 0, done.output
    return done


def shown_pairs(run: Path) -> list[Pair]:
    return pairs_to_rank(recorded_groups(run))


def test_verdicts_are_written_as_they_are_given(run: Path) -> None:
    pairs = shown_pairs(run)
    assert len(pairs) == 4  # three of the first group, one of the second, none of equal games
    done = typed(run, "a\nb\n=\n")
    assert "3 verdicts added" in done.stdout
    assert "1 of 4 pairs left" in done.stdout
    first, second, third = verdicts(run)
    assert first.responses[0][:1] == pairs[0][0].actions[:1]
    assert first.info["games"] == [game.name for game in pairs[0]]
    assert second.info["games"] == [game.name for game in pairs[1][::-1]]
    assert (first.ranks, second.ranks, third.ranks) == ((1, 2), (1, 2), (1, 1))
    assert first.info["source"] == "person"
    assert first.group == "pound"


def test_a_later_session_goes_on_with_what_is_left(run: Path) -> None:
    typed(run, "a\nskip\nquit\n")
    assert len(verdicts(run)) == 1
    done = typed(run, "b\nb\nb\n")
    assert "3 verdicts added" in done.stdout
    assert "pair 2 of 4" in done.stdout
    assert "pair 1 of 4" not in done.stdout
    assert len({names_of_line(r) for r in verdicts(run)}) == 4
    assert "0 verdicts added" in typed(run, "a\n").stdout


def names_of_line(ranking: Ranking) -> frozenset[str]:
    return frozenset(ranking.info["games"])


def test_what_is_no_answer_is_asked_again(run: Path) -> None:
    done = typed(run, "A better\n\n  TIE \n")
    assert done.stdout.count("is no answer") == 2
    assert verdicts(run)[0].is_tie


def test_the_end_of_input_loses_nothing(run: Path) -> None:
    typed(run, "a")
    assert len(verdicts(run)) == 1
    typed(run, "")
    assert len(verdicts(run)) == 1


class Impatient(StringIO):
    """A person who presses Ctrl-C after the lines there are."""

    def readline(self, size: int | None = -1) -> str:
        line = super().readline()
        if not line:
            raise KeyboardInterrupt
        return line


def ask(run: Path, lines: StringIO) -> Tally:
    console = Console(file=StringIO(), width=80)
    path = run / "preferences.jsonl"
    return rank_pairs(shown_pairs(run), path, lines=lines, console=console, look=PLAIN)


def test_ctrl_c_loses_nothing(run: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        ask(run, Impatient("a\nb\n"))
    assert len(verdicts(run)) == 2
    assert ask(run, StringIO("a\nb\n")) == Tally(judged=2, left=0)
    assert len(verdicts(run)) == 4


def test_a_line_that_a_crash_cut_short_is_dropped(run: Path) -> None:
    typed(run, "a\nquit\n")
    path = run / "preferences.jsonl"
    whole = path.read_text()
    path.write_text(whole + '{"prompt": [{"ro')
    typed(run, "b\nquit\n")
    assert path.read_text().startswith(whole)
    assert len(verdicts(run)) == 2


def test_a_file_of_something_else_is_not_touched(run: Path) -> None:
    path = run / "preferences.jsonl"
    path.write_text("my notes\n")
    assert isinstance(command("rank", str(run), stdin="a\n").exception, ConfigError)
    assert path.read_text() == "my notes\n"


def test_sides_are_drawn_and_stay_what_they_were(run: Path) -> None:
    assert shown_pairs(run) == shown_pairs(run)
    many = _known(*(play(f"[{word}]") for word in ("stare", "mound", "crane", "pound", "slate")))
    sides = [
        int(a.name) < int(b.name) for seed in range(30) for a, b in pairs_to_rank([many], seed=seed)
    ]
    assert 0.4 < sum(sides) / len(sides) < 0.6
    assert len({frozenset(names_of(pair)) for pair in pairs_to_rank([many])}) == 10


def shown(pair: Pair, width: int) -> str:
    console = Console(file=StringIO(), width=width)
    show_pair(pair, "pair 1 of 1", console, PLAIN)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_boards_stand_side_by_side_where_there_is_room() -> None:
    won, lost = _known(WON, LOST)
    wide = shown((won, lost), 80)
    assert "the secret was POUND" in wide
    assert any(line.startswith("A  ") and line.rstrip().endswith("B") for line in wide.split("\n"))
    assert any("solved in 3: POUND" in line and " s  t  a " in line for line in wide.split("\n"))
    narrow = shown((won, lost), 30)
    assert "\nA\n" in narrow
    assert "\nB\n" in narrow


def test_all_that_was_said_can_be_read_without_harm(run: Path) -> None:
    done = typed(run, "text\nskip\n" * 4)
    assert "> I say?[2J [stare]" in done.stdout
    assert "\x1b[2J" not in done.stdout
    assert not (run / "preferences.jsonl").exists()
