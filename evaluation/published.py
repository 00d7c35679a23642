"""Figures that others have published for learning agents at Wordle, with where they stand.

None of them compares with a board of ours: word lists, prompts, decoding and the choice of words
differ, and some were measured on words that were trained on. They are here so that nobody has to
look for them, and they say under which protocol each was measured.
"""

from __future__ import annotations

from dataclasses import dataclass

CAUTION = "Other people's protocols: these figures do not compare with the boards above."


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """One figure."""

    who: str
    win_rate: str
    protocol: str
    source: str


PUBLISHED: tuple[Published, ...] = (
    Published(
        who="gpt-oss-20b, LoRA + GRPO",
        win_rate="80 % (before: 39 %)",
        protocol="100 held-out words, 2 runs, T = 1, medium effort, knowledge summary each turn",
        source="aws-samples/sample-multi-turn-rl-wordle, README",
    ),
    Published(
        who="Claude Opus 5, zero-shot",
        win_rate="95 %",
        protocol="the same 100 words and harness",
        source="aws-samples/sample-multi-turn-rl-wordle, README",
    ),
    Published(
        who="Claude Haiku 4.5, zero-shot",
        win_rate="82 %",
        protocol="the same 100 words and harness",
        source="aws-samples/sample-multi-turn-rl-wordle, README",
    ),
    Published(
        who="gpt-oss-120b, zero-shot",
        win_rate="81 %",
        protocol="the same 100 words and harness",
        source="aws-samples/sample-multi-turn-rl-wordle, README",
    ),
    Published(
        who="DeepSeek v3.2, zero-shot",
        win_rate="58 %",
        protocol="the same 100 words and harness",
        source="aws-samples/sample-multi-turn-rl-wordle, README",
    ),
    Published(
        who="Qwen3-32B, zero-shot",
        win_rate="15 %",
        protocol="the same 100 words and harness",
        source="aws-samples/sample-multi-turn-rl-wordle, README",
    ),
    Published(
        who="Qwen3-1.7B, SFT + GRPO",
        win_rate="about 80 % (peak 88 %)",
        protocol="training rollouts at T = 1, no held-out words, read from a plot",
        source="allenai/open-instruct, docs/algorithms/tool_training.md",
    ),
    Published(
        who="Qwen3-1.7B, SFT + GRPO",
        win_rate="about 60 %",
        protocol="20 words x 3 from TextArena's pool of about 156, which training draws from too",
        source="PrimeIntellect-ai/prime-rl, examples/basic/wordle/README.md",
    ),
    Published(
        who="Gemma-3-4B, LoRA + GRPO",
        win_rate="16.0 % (before: 4.7 %)",
        protocol="about 150 unseen games from the first turn, T = 0.1",
        source="charbull/wordle-lora-rl, docs/plots",
    ),
    Published(
        who="Gemma-3-4B, LoRA + GRPO",
        win_rate="31.3 % (before: 16.0 %)",
        protocol="about 150 games that begin after 0 to 4 given guesses, T = 0.1",
        source="charbull/wordle-lora-rl, docs/plots",
    ),
    Published(
        who="Qwen3-4B, SFT + GRPO",
        win_rate="15 %, a bar to pass",
        protocol="100 held-out games; no result of its own found",
        source="terminal-bench, pull request 442",
    ),
    Published(
        who="Qwen2.5-7B, SFT + GRPO",
        win_rate="14.5 % (before: 4.5 %)",
        protocol="its own evaluation; size not stated in the copy that was read",
        source="RLDiary/Wordle-GRPO, README",
    ),
    Published(
        who="Qwen2.5-1.5B, GRPO",
        win_rate="2.8 % (13 of 463)",
        protocol="all 463 held-out words, greedy; 4.08 guesses on wins",
        source="kuotunyu/agentic-rl-wordle, README",
    ),
    Published(
        who="DQN on letters, no language model",
        win_rate="99.96 %, 3.70 guesses",
        protocol="the 2315 words that it was trained on",
        source="voorhs/wordle-rl",
    ),
    Published(
        who="A2C on letters, no language model",
        win_rate="about 99.5 %, 3.9 guesses",
        protocol="the official list; no held-out words stated",
        source="andrewkho, report at wandb",
    ),
)


def applies_to(suite: str) -> bool:
    """Whether the figures are about the game of a suite."""
    return suite.startswith("wordle")
