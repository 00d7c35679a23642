"""Every algorithm takes the ten words from below half to over 95 % wins; a control does not."""

from pathlib import Path

import pytest

from tests.learning import METHODS, learn


@pytest.mark.slow
@pytest.mark.parametrize("algo", METHODS)
def test_every_algorithm_learns_the_ten_words(algo: str, tmp_path: Path) -> None:
    learned = learn(algo, tmp_path)
    assert 0.2 < learned.before < 0.5
    assert learned.after > 0.95


@pytest.mark.slow
@pytest.mark.parametrize("algo", ["dr_grpo", "grpo", "ppo"])
def test_nothing_is_learned_from_shuffled_advantages(algo: str, tmp_path: Path) -> None:
    """The same games, the same sizes of step, but rewards that say nothing."""
    learned = learn(algo, tmp_path, "train.shuffle_advantages=true")
    assert learned.after < 0.6
