"""Our games inside another trainer: TRL's GRPOTrainer, in its two ways (trl is never imported).

`rollouts` is a `rollout_func`: whole games are played here with the trainer's own model, and what
TRL trains are the tokens that were sampled. `tool_game` is an `environment_factory`: TRL plays, and
the model answers a game by calling a tool. Rows of the data set name tasks; both read them.

    rows = [task_row(i) for i in range(256)]
    GRPOTrainer(
        model, args, train_dataset=Dataset.from_list(rows), processing_class=tokenizer,
        rollout_func=rollouts(EnvSection(id="wordle")), reward_funcs=earned,
    )

`examples/trl_grpo.py` is a whole run, `examples/trl_tools.py` one of the other way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from wordle_rl.agents.chat import PLAIN, ChatOptions
from wordle_rl.agents.language import LanguageAgent
from wordle_rl.config import EnvSection
from wordle_rl.envs.base import Style, TextEnv
from wordle_rl.errors import ModelError
from wordle_rl.records import Episode, Task
from wordle_rl.rollout import play_games
from wordle_rl.seeding import seed_from
from wordle_rl.training.batch import build_samples, episode_turns
from wordle_rl.training.games import training_env

Prompt = Sequence[dict[str, str]]
Rollouts = Callable[[list[Prompt], Any], dict[str, list[Any]]]
"""(prompts, trainer) -> `prompt_ids`, `completion_ids`, `logprobs`, `env_mask`, `game_reward`."""


def task_row(number: int) -> dict[str, Any]:
    """A row of a data set for either way: the task of a number, the same secret for all its games.

    >>> task_row(7)
    {'prompt': [{'role': 'user', 'content': 'task 7'}], 'seed': 7}
    """
    return {"prompt": [{"role": "user", "content": f"task {number}"}], "seed": number}


def earned(
    prompts: Sequence[Prompt], completions: Any, game_reward: Sequence[float], **rest: Any
) -> list[float]:
    """The reward function of `rollouts`: what each game paid."""
    return list(game_reward)


def rollouts(
    env: EnvSection,
    *,
    max_new_tokens: int = 64,
    max_turns: int = 64,
    style: Style = "chat",
    chat: ChatOptions = PLAIN,
) -> Rollouts:
    """A `rollout_func` that plays one game for every prompt it is given.

    Args:
        env: the game, its split and its rewards.
        max_new_tokens: longest answer of a turn.
        max_turns: a game that is still running then is cut off.
        style: how the game speaks.
        chat: how the model is spoken to; its template has to keep earlier turns as they were.
    """

    def play(prompts: list[Prompt], trainer: Any) -> dict[str, list[Any]]:
        model = trainer.accelerator.unwrap_model(trainer.model)
        trains = model.training
        agent = LanguageAgent(
            model,
            trainer.processing_class,
            name="policy",
            device=str(model.device),
            dtype="bfloat16" if trainer.args.bf16 else "float32",
            style=style,
            max_new_tokens=max_new_tokens,
            chat=chat,
        )
        if not agent.chat.append_only:
            raise ModelError(
                "TRL trains a game as one row, and this chat template rewrites earlier turns: use "
                "another model, chat_template_kwargs, or wordle-rl train"
            )
        tasks = [task_of(env, prompt) for prompt in prompts]
        episodes = play_games(
            agent,
            tasks,
            make_env=lambda task: training_env(env, task, agent.style),
            temperature=trainer.temperature,
            seeds=_seeds(tasks, trainer),
            max_turns=max_turns,
        )
        model.train(trains)
        return columns_of(episodes)

    return play


def task_of(env: EnvSection, prompt: Prompt) -> Task:
    """The task that a row's prompt names.

    Raises:
        ValueError: it names none.
    """
    number = prompt[-1]["content"].removeprefix("task ")
    if not number.isdigit():
        raise ValueError(f"prompt {prompt[-1]['content']!r} names no task: make rows by task_row")
    return Task(
        env_id=env.id,
        env_options=env.options,
        task_id=number,
        seed=int(number) % 2**32,
        split=env.split,
    )


def _seeds(tasks: Sequence[Task], trainer: Any) -> list[int]:
    """One for each game: of the step, the process, the task, and the game's number in its group."""
    step, process = trainer.state.global_step, trainer.accelerator.process_index
    count: Counter[str] = Counter()
    seeds = []
    for task in tasks:
        seeds.append(seed_from(trainer.args.seed, step, process, task.task_id, count[task.task_id]))
        count[task.task_id] += 1
    return seeds


def columns_of(episodes: Sequence[Episode]) -> dict[str, list[Any]]:
    """Games as TRL wants them: the first prompt, and all that follows it with a mask.

    Raises:
        ModelError: a game could not be played.
    """
    columns: dict[str, list[Any]] = {
        key: [] for key in ("prompt_ids", "completion_ids", "logprobs", "env_mask", "game_reward")
    }
    for episode in episodes:
        if episode.error is not None or not episode.turns:
            raise ModelError(f"a game could not be played: {episode.error or 'no answer fits'}")
        [row] = build_samples(episode_turns(episode, [0.0] * len(episode.turns)))
        start = row.loss_mask.index(True)
        columns["prompt_ids"].append(list(row.token_ids[:start]))
        columns["completion_ids"].append(list(row.token_ids[start:]))
        columns["logprobs"].append(list(row.sampler_logprobs[start:]))
        columns["env_mask"].append([int(own) for own in row.loss_mask[start:]])
        columns["game_reward"].append(episode.total_reward)
    return columns


class ToolGame:
    """A game that a model plays by calling `answer`; TRL makes one for every rollout."""

    def __init__(self, env: EnvSection) -> None:
        self._settings = env
        self._env: TextEnv | None = None
        self._over = False
        self._earned = 0.0

    def reset(self, seed: int = 0, **row: Any) -> str:
        """Begin the game of a row; returns what the model is told first."""
        task = Task(
            env_id=self._settings.id,
            env_options=self._settings.options,
            task_id=str(seed),
            seed=seed % 2**32,
            split=self._settings.split,
        )
        self._env = training_env(self._settings, task, "chat")
        self._over, self._earned = False, 0.0
        observation, _ = self._env.reset(seed=task.seed)
        return f"\n\n{observation}\nUse the tool for every answer."

    def answer(self, answer: str) -> str:
        """Give an answer to the game and see what it says.

        Args:
            answer: Your answer as the game asks for it, for example [crane].

        Returns:
            What the game says to it.
        """
        if self._env is None:
            raise ValueError("the game has not begun: call reset")
        if self._over:
            return "The game is over."
        observation, reward, terminated, truncated, _ = self._env.step(answer)
        self._earned += float(reward)
        self._over = terminated or truncated
        return observation

    def get_reward(self) -> float:
        """What the game has paid so far."""
        return self._earned


def tool_game(env: EnvSection) -> Callable[[], ToolGame]:
    """An `environment_factory` of a game."""
    return lambda: ToolGame(env)
