"""Files of preferences over games of the ten words."""

from pathlib import Path

from tests.ten_words import WORDS
from wordle_rl.envs.feedback import feedback
from wordle_rl.envs.wordle import compact_opening
from wordle_rl.training.preferences import Ranking, Texts, write_preferences

OPENER = "crane"


def game(secret: str, *guesses: str, max_guesses: int = 2) -> tuple[Texts, Texts]:
    """A game as it is recorded, with the secret told where it was lost."""
    seen = [feedback(guess, secret) for guess in guesses]
    if secret not in guesses:
        seen[-1] += f" {secret}"
    turns = zip(guesses, seen, strict=True)
    return (compact_opening(5, max_guesses),), tuple(text for turn in turns for text in turn)


def won_over_lost() -> list[Ranking]:
    """For each secret the game that finds it, and two that do not."""
    rankings = []
    for i, secret in enumerate(WORDS):
        if secret == OPENER:
            continue
        others = [WORDS[(i + k) % len(WORDS)] for k in (3, 5)]
        games = [game(secret, OPENER, guess) for guess in (secret, *others)]
        rankings.append(
            Ranking(
                prompt=games[0][0],
                responses=tuple(response for _, response in games),
                ranks=(1, 2, 2),
                group=secret,
            )
        )
    return rankings


def file_of_games(folder: Path) -> Path:
    path = folder / "preferences.jsonl"
    write_preferences(path, won_over_lost())
    return path
