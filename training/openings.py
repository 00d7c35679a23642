"""Random mid-game starts: guesses that were played before the policy moves.

A game that is lost is mostly lost late, and a policy sees few late boards while it loses early. A
baseline plays one to four guesses; all games of the task begin after them, their context shows them
and nothing in them is trained. The opening is part of the task (`reset(options={"opening": ...})`),
so it is the same for a whole group and on disk. It never ends a game: the guess that would is left
out, and where it was the first, the game begins as ever.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from wordle_rl.agents.baselines import load_baseline
from wordle_rl.config import TasksSection
from wordle_rl.envs.statuses import is_legal
from wordle_rl.errors import ConfigError
from wordle_rl.records import Episode, Task
from wordle_rl.rollout import MakeEnv, play_games
from wordle_rl.seeding import generator, seed_from

MOST_MOVES: Final = 4


def with_openings(tasks: Sequence[Task], settings: TasksSection, make_env: MakeEnv) -> list[Task]:
    """The tasks, a share of the fresh ones with an opening. A function of tasks and settings.

    Args:
        tasks: of a step; the seed of a task decides.
        settings: how many, and who plays.
        make_env: builds the game of a task.

    Raises:
        ConfigError: a game has no such baseline.
    """
    chosen = [p for p, task in enumerate(tasks) if _is_chosen(task, settings.midgame_share)]
    drawn = draw_openings([tasks[p] for p in chosen], settings.midgame_player, make_env)
    opened = dict(zip(chosen, drawn, strict=True))
    return [opened.get(p, task) for p, task in enumerate(tasks)]


def draw_openings(tasks: Sequence[Task], player: str, make_env: MakeEnv) -> list[Task]:
    """Each task with an opening of one to four guesses; as it was where the first ends the game.

    Raises:
        ConfigError: a game has no such baseline.
    """
    found: dict[int, Task] = {}
    moves_P = [int(generator("opening", task.seed).integers(1, MOST_MOVES + 1)) for task in tasks]
    for moves in sorted(set(moves_P)):
        places = [p for p, wanted in enumerate(moves_P) if wanted == moves]
        episodes = _play([tasks[p] for p in places], player, moves, make_env)
        found |= {p: _opened(tasks[p], e) for p, e in zip(places, episodes, strict=True)}
    return [found[p] for p in range(len(tasks))]


def _is_chosen(task: Task, share: float) -> bool:
    return task.origin == "fresh" and generator("midgame", task.seed).random() < share


def _play(tasks: Sequence[Task], player: str, moves: int, make_env: MakeEnv) -> list[Episode]:
    try:
        return play_games(
            load_baseline(player),
            tasks,
            make_env=make_env,
            temperature=1.0,
            seeds=[seed_from("opening player", task.seed) for task in tasks],
            max_turns=moves,
        )
    except ConfigError as error:
        raise ConfigError(f"setting tasks.midgame_share: {error}") from error


def _opened(task: Task, episode: Episode) -> Task:
    turns = episode.turns[: len(episode.turns) - episode.terminated]
    legal = [turn.action for turn in turns if is_legal(turn.info.get("status", "ok"))]
    if not legal:
        return task
    options: Mapping[str, Any] = {**task.options, "opening": tuple(legal)}
    return replace(task, options=options, origin="midgame")
