"""Our games as tools in TRL's trainer: it plays, and the model answers by calling `answer`.

    pip install 'wordle-rl[trl]'
    python examples/trl_tools.py [MODEL] [STEPS]

The model's chat template has to know tools, and TRL has to know how the template writes a call: it
does for Qwen 3, Gemma 4, gpt-oss and others. The game pays its reward itself, so there is no reward
function. `examples/trl_grpo.py` is the other way, for a model that answers in plain text.
"""

import sys

import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import GRPOConfig, GRPOTrainer

from wordle_rl.config import EnvSection
from wordle_rl.training.trl_games import task_row, tool_game


def main(model: str = "Qwen/Qwen3-0.6B", steps: str = "5") -> None:
    on_gpu = torch.cuda.is_available()
    trainer = GRPOTrainer(
        model=AutoModelForCausalLM.from_pretrained(model, dtype="float32"),
        processing_class=AutoTokenizer.from_pretrained(model),
        args=GRPOConfig(
            output_dir="runs/trl-tools",
            per_device_train_batch_size=8,
            num_generations=4,
            max_completion_length=512,  # of a whole game: calls and what the game says to them
            max_tool_calling_iterations=6,
            chat_template_kwargs={"enable_thinking": False},
            max_steps=int(steps),
            learning_rate=1e-6,
            logging_steps=1,
            report_to="none",
            use_cpu=not on_gpu,
            bf16=on_gpu,
            save_strategy="no",
        ),
        train_dataset=Dataset.from_list([task_row(number) for number in range(512)]),
        environment_factory=tool_game(EnvSection(id="wordle", reward="shaped")),
    )
    trainer.train()
    for row in trainer.state.log_history:
        if "reward" in row:
            calls = row["tools/call_frequency"]
            print(f"step {row['step']:.0f}: reward {row['reward']:.3f}, {calls:.2f} calls a game")


if __name__ == "__main__":
    main(*sys.argv[1:])
