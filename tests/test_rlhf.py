"""The road of RLHF on the ten words: play, prefer, train a reward model, learn from it alone.

Nothing on the way tells the policy who won: the game's own reward has weight 0. What is measured at
the end is how many games it truly wins.
"""

from pathlib import Path

import pytest

from tests.learning import COMMON, config_of, shaky_agent
from tests.ten_words import Watcher, sampled_win_rate, ten_word_settings
from wordle_rl.run_dir import RunDir
from wordle_rl.training.loops import loop_of
from wordle_rl.training.pair_methods import complete_pairs
from wordle_rl.training.preference_makers import by_outcome, played_groups, rank_group
from wordle_rl.training.preferences import Ranking, read_preferences, write_preferences
from wordle_rl.training.reward_model import RewardModel, reward_scorers
from wordle_rl.training.reward_trainer import train_reward_model

ALONE = ('env.rewards={"game" = 0.0}', "reward_model.weight=0.2", "rollout.group_size=8")
"""About 5 lies between a won and a lost game here; weighed by 0.2 it is about what a win pays."""

LEARNERS = ("dr_grpo", "dpo", "ppo")


def preferences_of_play(folder: Path) -> list[Ranking]:
    """What a beginner's games say, through a file."""
    config = config_of("dr_grpo", "train.seed=1")
    groups = played_groups(shaky_agent(), config, 60)
    made = [r for group in groups for r in rank_group(group, by_outcome, {"source": "outcome"})]
    write_preferences(folder / "preferences.jsonl", made)
    return read_preferences(folder / "preferences.jsonl")


def reward_model_of(rankings: list[Ranking], run: RunDir) -> dict[str, float]:
    """Train one in a run folder; the last numbers on secrets that it was not trained on."""
    run.create("", {})
    own = ("train.algo=reward-model", "train.steps=60", "train.lr=3e-3", "eval.every_steps=30")
    settings = ("preference.held_out=0.3", "preference.batch_size=12")
    config = complete_pairs(ten_word_settings(*COMMON, *own, *settings))
    model = RewardModel(shaky_agent())
    train_reward_model(model, rankings, config, run, display=Watcher())
    return list(run.records())[-1]


@pytest.mark.slow
def test_a_policy_learns_from_a_reward_model_alone(tmp_path: Path) -> None:
    before = sampled_win_rate(shaky_agent())
    measured = reward_model_of(preferences_of_play(tmp_path), RunDir(tmp_path / "rm"))
    assert measured["eval/pair_groups"] >= 2
    assert measured["eval/pair_accuracy"] > 0.9
    for algo in LEARNERS:
        config = config_of(algo, *ALONE, f'reward_model.path="{tmp_path / "rm"}"')
        agent, watcher, run = shaky_agent(), Watcher(), RunDir(tmp_path / algo)
        run.create("", {})

        def enough(watcher: Watcher = watcher) -> bool:
            return sum(r.metrics["rollout/win_rate"] for r in watcher.records[-3:]) > 3 * 0.97

        loop_of(algo).train(
            agent,
            config,
            run,
            display=watcher,
            scorers=reward_scorers(config),
            interrupted=enough,
        )
        first, *_, last = watcher.records
        assert first.metrics["rollout/reward"] == pytest.approx(
            first.metrics["rollout/reward_model"]
        )
        assert last.metrics["rollout/model_score"] > first.metrics["rollout/model_score"]
        assert sampled_win_rate(agent) > max(0.8, before + 0.3), algo
