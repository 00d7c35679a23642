"""Games whose end is known, for whoever compares them: recorded ones, or fresh ones of agents.

Recorded games come from a run folder (`episodes/step-N.jsonl`, with all that was said) or from an
evaluation (`games.jsonl`, with the guesses that were understood and their feedback).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from wordle_rl.agents.base import Agent
from wordle_rl.envs import make_env, supported
from wordle_rl.envs.base import Style, TextEnv
from wordle_rl.errors import RunError
from wordle_rl.evaluation.games import GameRecord, read_game_file, told_secret
from wordle_rl.evaluation.replay import Record, record_of
from wordle_rl.evaluation.suites import Suite
from wordle_rl.records import Episode, Task
from wordle_rl.rollout import play_games
from wordle_rl.run_dir import RunDir, is_run
from wordle_rl.seeding import generator, seed_from
from wordle_rl.training.rubrics import transcript


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownGame:
    """A finished game, to be judged or ranked."""

    suite: str
    """Games of one suite can be compared."""
    secret: str
    won: bool
    observations: tuple[str, ...]
    """What the game said, from its opening to its end; one more than `actions`."""
    actions: tuple[str, ...]
    """What the player said."""
    record: Record
    """How it looks."""
    group: str = ""
    """Games of one group had the same task."""
    name: str = ""
    """What tells it apart from the others of its run."""
    reward: float = 0.0
    """Its return; 0 where only guesses are on record."""
    verbatim: bool = True
    """Whether texts are those that were seen and said, or made from guesses."""

    @property
    def transcript(self) -> str:
        """The game as a judge reads it."""
        return transcript(self.observations, self.actions)


def read_known_games(path: Path, *, draws: bool = False) -> list[KnownGame]:
    """The games of a file, of a run folder's `episodes/`, or of an evaluation's folder.

    Games that failed are left out, and so are `draws`, which are neither won nor lost.

    Raises:
        RunError: there are none, or a file cannot be read.
    """
    games = [game for file in _files(path) for game in _read(file, draws)]
    if not games:
        raise RunError(f"no recorded games in {str(path)!r}: name a run, an evaluation or a file")
    return games


def play_known_games(
    agents: Sequence[Agent], suite: Suite, *, seed: int = 0, style: Style | None = None
) -> list[KnownGame]:
    """One game of every agent on every secret of a suite, each at temperature 1.

    `style` is how the games speak, by default as each agent reads them.
    """
    games = []
    for number, agent in enumerate(agents):

        def build(task: Task, spoken: Style = style or agent.style) -> TextEnv:
            reads = supported(task.env_id, style=spoken, history="last")
            return make_env(task.env_id, **suite.env_options, **reads)

        episodes = play_games(
            agent,
            suite.tasks,
            make_env=build,
            temperature=1.0,
            seeds=[seed_from(seed, "known", number, task.task_id) for task in suite.tasks],
        )
        games += [
            known_game(episode, suite=suite.name)
            for episode in episodes
            if episode.error is None and episode.turns
        ]
    return games


def known_game(episode: Episode, *, suite: str, name: str = "") -> KnownGame:
    """A game that was just played; it has turns and did not fail."""
    return KnownGame(
        suite=suite,
        secret=told_secret(episode),
        won=episode.solved,
        observations=(*(turn.observation for turn in episode.turns), episode.final_observation),
        actions=tuple(turn.action for turn in episode.turns),
        record=record_of(episode),
        group=episode.task.task_id,
        name=name,
        reward=episode.total_reward,
    )


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


def _read(path: Path, draws: bool) -> Iterator[KnownGame]:
    """The games of a file, whoever wrote it."""
    header, games = read_game_file(path)
    for game in games:
        if game["error"] is None and game["guesses"] and (draws or not game["drawn"]):
            suite = header.get("suite_hash") or f"training {path.parent.parent} {_rules(game)}"
            yield _known_game(game, str(suite))


def _rules(game: GameRecord) -> str:
    """Which game of a run it was, since a run may mix several; a suite has one game alone."""
    return f"{game.get('env')} {json.dumps(game.get('env_options'), sort_keys=True)}"


def _known_game(entry: GameRecord, suite: str) -> KnownGame:
    seen, said = entry.get("observations"), entry.get("actions")
    texts = _from_guesses(entry) if seen is None or said is None else (seen, said)
    group = f"step-{entry.get('step', 0)}/{entry.get('task_id', '')}"
    return KnownGame(
        suite=suite,
        secret=str(entry.get("told_secret") or entry["secret"]),
        won=bool(entry["solved"]),
        observations=tuple(texts[0]),
        actions=tuple(texts[1]),
        record=record_of({**entry, "secret": entry.get("told_secret") or entry["secret"]}),
        group=group,
        name=f"{group}/{entry['sample']}",
        reward=float(entry.get("reward", 0.0)),
        verbatim=seen is not None and said is not None,
    )


def _from_guesses(entry: GameRecord) -> tuple[list[str], list[str]]:
    """What was seen and said, from what was understood; words that were not are lost."""
    rows = zip(entry["guesses"], entry["feedback"], entry["statuses"], strict=True)
    guesses = [(guess or "(nothing)", marks or f"?{status}") for guess, marks, status in rows]
    ending = "" if entry["solved"] else f" {entry['secret']}"
    answers = [marks for _, marks in guesses]
    answers[-1] += ending
    return ["a new game", *answers], [guess for guess, _ in guesses]
