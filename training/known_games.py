"""Games whose end is known, as transcripts for a judge: recorded ones, or fresh ones of two agents.

Recorded games come from a run folder (`episodes/step-N.jsonl`, with all that was said) or from an
evaluation (`games.jsonl`, with the guesses that were understood and their feedback).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from wordle_rl.agents.base import Agent
from wordle_rl.envs import make_env, supported
from wordle_rl.envs.base import Style, TextEnv
from wordle_rl.errors import RunError
from wordle_rl.evaluation.games import GameRecord, game_record, read_game_file
from wordle_rl.evaluation.suites import Suite
from wordle_rl.records import Task
from wordle_rl.rollout import play_games
from wordle_rl.run_dir import RunDir, is_run
from wordle_rl.seeding import generator, seed_from
from wordle_rl.training.rubrics import episode_transcript, transcript


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownGame:
    """A finished game, to be judged."""

    suite: str
    """Games of one suite can be compared."""
    secret: str
    won: bool
    transcript: str


def read_known_games(path: Path) -> list[KnownGame]:
    """The games of a file, of a run folder's `episodes/`, or of an evaluation's folder.

    Games that failed are left out, and so are draws, which are neither won nor lost.

    Raises:
        RunError: there are none, or a file cannot be read.
    """
    games = [game for file in _files(path) for game in _read(file)]
    if not games:
        raise RunError(f"no recorded games in {str(path)!r}: name a run, an evaluation or a file")
    return games


def play_known_games(agents: Sequence[Agent], suite: Suite, *, seed: int = 0) -> list[KnownGame]:
    """One game of every agent on every secret of a suite, each at temperature 1."""
    games = []
    for number, agent in enumerate(agents):

        def build(task: Task, style: Style = agent.style) -> TextEnv:
            reads = supported(task.env_id, style=style, history="last")
            return make_env(task.env_id, **suite.env_options, **reads)

        episodes = play_games(
            agent,
            suite.tasks,
            make_env=build,
            temperature=1.0,
            seeds=[seed_from(seed, "known", number, task.task_id) for task in suite.tasks],
        )
        games += [
            KnownGame(
                suite=suite.name,
                secret=game_record(episode)["secret"],
                won=episode.solved,
                transcript=episode_transcript(episode),
            )
            for episode in episodes
            if episode.error is None and episode.turns
        ]
    return games


def choose(games: Sequence[KnownGame], limit: int, *, seed: int = 0) -> list[KnownGame]:
    """At most `limit` of the games, half of them won where there are as many; drawn by `seed`."""
    order = generator("known games", seed).permutation(len(games))
    won, lost = ([i for i in order if games[i].won is is_won] for is_won in (True, False))
    most_won = max(limit // 2, limit - len(lost))
    chosen = won[:most_won] + lost[: limit - min(most_won, len(won))]
    return [games[i] for i in sorted(chosen)]


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    folder = RunDir(path).episodes if is_run(path) else path
    return sorted(folder.glob("*.jsonl")) if folder.is_dir() else []


def _read(path: Path) -> Iterator[KnownGame]:
    """The games of a file, whoever wrote it."""
    header, games = read_game_file(path)
    suite = str(header.get("suite_hash", f"training {path.parent.parent}"))
    for game in games:
        if game["error"] is None and game["guesses"] and not game["drawn"]:
            yield _known_game(game, suite)


def _known_game(entry: GameRecord, suite: str) -> KnownGame:
    if "actions" in entry:
        said = transcript(entry["observations"], entry["actions"])
    else:
        said = _from_guesses(entry)
    return KnownGame(
        suite=suite,
        secret=str(entry["secret"]),
        won=bool(entry["solved"]),
        transcript=said,
    )


def _from_guesses(entry: GameRecord) -> str:
    """A transcript from what was understood; words that were not are lost."""
    rows = zip(entry["guesses"], entry["feedback"], entry["statuses"], strict=True)
    guesses = [(guess or "(nothing)", marks or f"?{status}") for guess, marks, status in rows]
    ending = "" if entry["solved"] else f" {entry['secret']}"
    answers = [marks for _, marks in guesses]
    answers[-1] += ending
    return transcript(["a new game", *answers], [guess for guess, _ in guesses])
