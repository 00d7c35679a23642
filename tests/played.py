"""Finished games for tests of what is made of them."""

from wordle_rl.envs import make_env
from wordle_rl.records import (
    Completion,
    Episode,
    FinishReason,
    StopReason,
    Task,
    Turn,
)

TASK = Task(env_id="wordle", task_id="step-0/task-0", seed=0, options={"secret": "pound"})


def play(*actions: str, reward: str = "binary") -> Episode:
    """A game of Wordle with the secret POUND, as a language model would have played it."""
    env = make_env("wordle", reward=reward, style="compact")
    observation, _ = env.reset(seed=0, options={"secret": "pound"})
    turns: list[Turn] = []
    terminated = False
    for action in actions:
        seen = observation
        observation, earned, terminated, _, info = env.step(action)
        completion = Completion(
            text=action,
            prompt_ids=(7, 7, 7),
            token_ids=(8, 9),
            logprobs=(-0.5, -0.25),
            finish_reason=FinishReason.STOP,
        )
        turns.append(
            Turn(
                observation=seen,
                action=action,
                reward=earned,
                reward_parts=info["reward_parts"],
                info=info,
                completion=completion,
            )
        )
    return Episode(
        task=TASK,
        turns=tuple(turns),
        final_observation=observation,
        terminated=terminated,
        truncated=not terminated,
        stop_reason=StopReason.TERMINATED if terminated else StopReason.TRUNCATED,
    )


WON = play("[stare]", "[mound]", "[pound]")
LOST = play("[stare]", "[pounx]", "I say\x1b[2J [stare]", "[stare]", "[stare]", "[stare]")
OTHER_GAME = Episode(
    task=Task(env_id="math", task_id="m", seed=0),
    turns=(
        Turn(
            observation="What is 2 + 2?",
            action="It is\n\x1b[31m 4",
            reward=1.0,
            reward_parts={},
            info={"guess": 4, "feedback": "right", "solved": True},
        ),
    ),
    final_observation="Right.",
    terminated=True,
    truncated=False,
    stop_reason=StopReason.TERMINATED,
)
