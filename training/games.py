"""What a run plays: the tasks of a step, of one game or a mixture, and an environment for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from wordle_rl.agents.base import Agent
from wordle_rl.config import EnvSection, TasksSection, TrainConfig
from wordle_rl.envs import make_env, options_of, supported
from wordle_rl.envs.base import Style, TextEnv
from wordle_rl.envs.plugins import is_plugin, load_plugin
from wordle_rl.envs.text_arena_match import TwoPlayerGame
from wordle_rl.errors import ConfigError
from wordle_rl.records import EpisodeGroup, Task
from wordle_rl.rollout import rollout
from wordle_rl.seeding import seed_from
from wordle_rl.self_play import TwoPlayerMatch, self_play
from wordle_rl.training.curriculum import curriculum_metrics, with_secrets
from wordle_rl.training.hard_tasks import Played, with_replays
from wordle_rl.training.mixture import allot, mixture
from wordle_rl.training.openings import draw_openings, with_openings
from wordle_rl.training.processes import world

SELF = "self"
"""The opponent that is the model itself."""
SET_BY = {
    "split": "env.split",
    "reward": "env.reward",
    "opponent": "env.opponent",
    "style": "the model",
    "history": "training",
}
"""Arguments of a game that are not read from `env.options`, and what sets them."""
UNASKED = {"style", "history", "track_candidates"}
"""Arguments that a game may do without: nobody asked for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What a run has logged so far: all that its next tasks depend on, beside seed and step."""

    metrics: Sequence[Mapping[str, float]] = ()
    """Of every step, oldest first."""
    played: Played = ()


BEGINNING = Past()


def draw_tasks(
    config: TrainConfig, step: int, attempt: int = 0, past: Past = BEGINNING
) -> list[Task]:
    """The tasks of a step. A task's seed fixes its secret, so all games of a group share it.

    Another `attempt` at the step draws others. A curriculum narrows what is drawn from, hard tasks
    of the past take the place of some, and others begin in the middle; each is off by default.

    Raises:
        ConfigError: a game cannot be played so.
    """
    games = mixture(config.env.id, config.env.options)
    again = (attempt,) if attempt else ()
    name = f"step-{step}/" + (f"again-{attempt}/" if attempt else "")
    tasks = [
        Task(
            env_id=game.env_id,
            env_options=game.options,
            task_id=f"{name}task-{p}",
            seed=seed_from(config.train.seed, "task", step, p, *again) % 2**32,
            split=config.env.split,
        )
        for p, game in enumerate(allot(games, config.rollout.tasks_per_step))
    ]
    chosen = config.tasks
    if chosen.curriculum_start:
        tasks = with_secrets(tasks, config, past.metrics, partial(_compact_env, config.env))
    if chosen.replay_share:
        tasks = with_replays(tasks, chosen.replay_share, past.played)
    if chosen.midgame_share:
        tasks = with_openings(tasks, chosen, partial(_compact_env, config.env))
    return tasks


def task_metrics(
    groups: Sequence[EpisodeGroup], config: TrainConfig, past: Past
) -> dict[str, float]:
    """What to log of how the tasks were chosen: how far a curriculum is."""
    if not config.tasks.curriculum_start:
        return {}
    make = partial(_compact_env, config.env)
    return curriculum_metrics(groups, config, past.metrics, make)


def play_step(
    agent: Agent,
    config: TrainConfig,
    step: int,
    temperature: float,
    attempt: int = 0,
    past: Past = BEGINNING,
) -> list[EpisodeGroup]:
    """Play every task of a step by a whole group; against itself, a group for each seat.

    Where several processes share the run each plays some of the tasks, and all get all groups.
    """
    tasks_P = world().share(draw_tasks(config, step, attempt, past))
    return world().together(_play(agent, config, step, temperature, tasks_P))


def _play(
    agent: Agent, config: TrainConfig, step: int, temperature: float, tasks_P: Sequence[Task]
) -> list[EpisodeGroup]:
    seed = seed_from(config.train.seed, "rollout", step)
    version = max(0, step - 1) if config.rollout.pipelined else step
    if config.env.opponent == SELF:
        return self_play(
            agent,
            tasks_P,
            config.rollout.group_size,
            make_match=lambda task: training_match(task, agent.style),
            temperature=temperature,
            seed=seed,
            policy_version=version,
        )
    return rollout(
        agent,
        tasks_P,
        config.rollout.group_size,
        make_env=lambda task: training_env(config.env, task, agent.style),
        temperature=temperature,
        seed=seed,
        max_turns=config.rollout.max_turns,
        policy_version=version,
    )


MATCH_OPTIONS = frozenset({"game_options", "opening_moves", "max_turns"})
"""Options of `TwoPlayerGame` that a run may set."""


def training_match(task: Task, style: Style) -> TwoPlayerMatch:
    """A new game of two seats: one of TextArena, or a user's own class as `package.module:Class`.

    Raises:
        ConfigError: it is no game for two.
    """
    if is_plugin(task.env_id):
        match: TwoPlayerMatch = load_plugin("game", task.env_id)(**task.env_options)
        return match
    options = dict(task.env_options)
    prefix, _, game = task.env_id.partition(":")
    if prefix != "textarena" or not (game := game or options.pop("game", "")):
        raise ConfigError(
            f"game {task.env_id!r} cannot be played against itself: use a game for two, for "
            "example textarena:TicTacToe-v0"
        )
    if strangers := options.keys() - MATCH_OPTIONS:
        raise ConfigError(
            f"setting env.options.{min(strangers)}: self-play has no such option, leave it out "
            f"(known: {', '.join(sorted(MATCH_OPTIONS))})"
        )
    return TwoPlayerGame(game, style=style, **options)


def training_env(env: EnvSection, task: Task, style: Style) -> TextEnv:
    """A new game for a task as the settings describe it, in the style the agent reads.

    A game takes of `split`, `reward`, `style`, `history` and `opponent` what it knows, so a game of
    one's own needs none of them.

    Raises:
        ConfigError: no such game, reward or option, or an option that is set elsewhere.
    """
    known = options_of(task.env_id)
    wanted: dict[str, Any] = {"split": env.split, "reward": env.reward, "style": style}
    wanted |= {"history": "last"} | ({"opponent": env.opponent} if env.opponent else {})
    if env.beliefs and "track_candidates" not in task.env_options:
        wanted["track_candidates"] = True
    if clash := sorted(SET_BY.keys() & task.env_options.keys()):
        raise ConfigError(
            f"setting env.options.{clash[0]}: leave it out, {SET_BY[clash[0]]} sets it"
        )
    default = EnvSection()
    for name in () if known is None else sorted(wanted.keys() - known - UNASKED):
        if wanted[name] != getattr(default, name):
            raise ConfigError(
                f"setting env.{name}={wanted[name]!r}: game {task.env_id!r} has no such argument, "
                "leave it out"
            )
    if env.rewards and "game" not in env.rewards and env.reward != default.reward:
        raise ConfigError(
            f"setting env.reward={env.reward!r}: leave it out, env.rewards is what is paid "
            "(or add game = 1.0 there)"
        )
    given = supported(task.env_id, **wanted)
    return make_env(task.env_id, rewards=env.rewards, **given, **task.env_options)


def _compact_env(env: EnvSection, task: Task) -> TextEnv:
    return training_env(env, task, "compact")


def check_games(config: TrainConfig, style: Style) -> None:
    """Make every game of the run once, so that what cannot be played fails before it begins.

    Raises:
        ConfigError: as in `training_env`, or tasks cannot be chosen as `config.tasks` asks.
    """
    _check_choices(config)
    tasks = draw_tasks(config, 0)
    games = mixture(config.env.id, config.env.options)
    if missing := {game.env_id for game in games} - {task.env_id for task in tasks}:
        raise ConfigError(
            f"setting rollout.tasks_per_step={len(tasks)}: too few for game {min(missing)!r} to "
            "have a task, raise it"
        )
    for task in tasks:
        if config.env.opponent == SELF:
            training_match(task, style)
        else:
            training_env(config.env, task, style)
    if config.tasks.midgame_share:
        draw_openings(tasks, config.tasks.midgame_player, partial(_compact_env, config.env))


def _check_choices(config: TrainConfig) -> None:
    """Self-play has no player to open its games, and its groups are of seats, not of tasks."""
    if config.env.opponent == SELF and world().count > 1:
        raise ConfigError("setting env.opponent='self': self-play runs in one process only")
    if config.env.opponent == SELF and (config.env.rewards or config.env.reward != "binary"):
        name = "rewards" if config.env.rewards else "reward"
        raise ConfigError(
            f"setting env.{name}: leave it out, self-play pays 1 for a win, 0 for a draw and -1 "
            "for a loss"
        )
    chosen = config.tasks.model_dump().items() - TasksSection().model_dump().items()
    if config.env.opponent == SELF and chosen:
        raise ConfigError(
            f"setting tasks.{min(chosen)[0]}: leave it out, self-play has fresh games"
        )
