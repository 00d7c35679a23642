"""How often a model works a sum out before it answers, and what that is worth.

    python -m benchmarks.math_working MODEL [MODEL ...] [--split val]

Greedy answers to 500 questions of each difficulty. An answer with an equals sign in it counts as
worked out (`agents/math_working.py`).
"""

from __future__ import annotations

from functools import partial

import click
import torch

from wordle_rl.agents.loading import load_language_agent
from wordle_rl.envs import make_env
from wordle_rl.envs.base import Style, TextEnv
from wordle_rl.envs.math_problems import problem_ids
from wordle_rl.envs.words import Split
from wordle_rl.records import Episode, Task
from wordle_rl.rollout import play_games

QUESTIONS = 500


def math_in(style: Style, task: Task) -> TextEnv:
    """The game of a question."""
    return make_env(task.env_id, style=style)


def share(games: list[Episode]) -> str:
    """How many of some games are solved."""
    return f"{sum(game.solved for game in games) / len(games):.1%}" if games else "-"


@click.command()
@click.argument("models", nargs=-1, required=True)
@click.option("--split", type=click.Choice(["train", "val", "test"]), default="val")
def main(models: tuple[str, ...], split: Split) -> None:
    """Answer and count."""
    torch.set_num_threads(1)
    for name in models:
        agent = load_language_agent(name)
        for difficulty in (1, 2):
            ids = problem_ids(difficulty, split, QUESTIONS, seed=0)
            games = play_games(
                agent,
                [Task(env_id="math", task_id=i, seed=0, options={"secret": i}) for i in ids],
                make_env=partial(math_in, agent.style),
                temperature=0.0,
                seeds=[0] * len(ids),
            )
            worked = [game for game in games if "=" in game.turns[0].action]
            at_once = [game for game in games if "=" not in game.turns[0].action]
            click.echo(
                f"{name}  difficulty {difficulty}  worked out {len(worked) / len(games):.1%}, "
                f"of these right {share(worked)}; of those said at once {share(at_once)}"
            )


if __name__ == "__main__":
    main()
