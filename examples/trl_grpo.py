"""Our games in TRL's trainer: a few steps of GRPO on number guessing.

    pip install 'wordle-rl[trl]'
    python examples/trl_grpo.py [MODEL] [STEPS]

Without a model nano plays. It knows the game in its compact notation, so it is asked that way.
"""

import sys

import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import GRPOConfig, GRPOTrainer

from wordle_rl.agents.built_in import built_in_path
from wordle_rl.config import EnvSection
from wordle_rl.training.trl_games import earned, rollouts, task_row


def main(model: str = "nano", steps: str = "5") -> None:
    path = str(built_in_path(model)) if model == "nano" else model
    trainer = GRPOTrainer(
        model=AutoModelForCausalLM.from_pretrained(path, dtype="float32"),
        processing_class=AutoTokenizer.from_pretrained(path),
        args=GRPOConfig(
            output_dir="runs/trl",
            per_device_train_batch_size=64,
            num_generations=8,
            max_steps=int(steps),
            learning_rate=1e-4,
            logging_steps=1,
            report_to="none",
            use_cpu=not torch.cuda.is_available(),
            bf16=torch.cuda.is_available(),
            save_strategy="no",
        ),
        train_dataset=Dataset.from_list([task_row(number) for number in range(512)]),
        rollout_func=rollouts(
            EnvSection(id="guess-number", reward="shaped", options={"hi": 1000}),
            style="compact" if model == "nano" else "chat",
        ),
        reward_funcs=earned,
    )
    trainer.train()
    for row in trainer.state.log_history:
        if "reward" in row:
            print(f"step {row['step']:.0f}: reward {row['reward']:.3f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
