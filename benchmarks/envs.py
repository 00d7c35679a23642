"""Our games against the same games of TextArena and GEM: games and steps per second, in one run.

    pip install gem-llm          # optional, best in an environment of its own
    python benchmarks/envs.py [--games 2000] [--rounds 5] [--stand-in] [--without NAME] [--json]

One process, one thread. Each library is used through its own public interface: ours by
`gymnasium.make`, TextArena by `make`, `get_observation` and `step`, GEM by `make` and `step`. All
play the same guesses under the same limits (Wordle 6 guesses; numbers 1 to 20 in 10; Mastermind 4
places, 6 colours, each once, in 20), each written as its game reads them, none twice in a game. An
environment is made once and reset for every game; making it is not timed. In a round each library
plays for a quarter of a second at least. Time is that of the processor, so that other work on the
machine counts less. Rounds alternate between the libraries, and medians are compared. TextArena
slows with every game that it has played, and takes most of the time: `--without textarena` compares
many games with GEM.

Both peers take their Wordle words from NLTK's data. `--stand-in` writes such data from our lists
into a temporary folder and keeps NLTK off the network; without either those rows say what is
missing.
"""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import click
import gymnasium
import numpy as np

from wordle_rl.envs.words import load_words

Play = Callable[[Sequence[Sequence[str]]], int]
"""Plays one game for each list of guesses, from seed 0 on; returns the steps that were made."""
OURS, SEED = "wordle-rl", 0
LEAST_S = 0.25
"""Seconds that a library plays in a round, over and over if its games take less: what runs for a
few milliseconds after another's seconds finds the processor's caches full of that."""


@dataclass(frozen=True, kw_only=True)
class Contest:
    """One game, and how each library makes it."""

    name: str
    ours: tuple[str, dict[str, Any]]
    textarena: str
    gem: tuple[str, dict[str, Any]]
    guesses: Callable[[np.random.Generator], list[str]]
    """The guesses of one game, as many as the limit allows."""
    spaced: bool
    """Whether the peers want spaces between the places of a guess, which are digits to them."""


def words(rng: np.random.Generator) -> list[str]:
    """Six words."""
    answers = load_words("answers")
    return [answers[int(i)] for i in rng.choice(len(answers), size=6, replace=False)]


def numbers(rng: np.random.Generator) -> list[str]:
    """Ten numbers."""
    return [str(int(n)) for n in 1 + rng.choice(20, size=10, replace=False)]


def codes(rng: np.random.Generator) -> list[str]:
    """Twenty codes of four different colours, a to f."""
    drawn: dict[str, None] = {}
    while len(drawn) < 20:
        drawn["".join(rng.permutation(list("abcdef"))[:4])] = None
    return list(drawn)


CONTESTS = (
    Contest(
        name="wordle",
        ours=("wordle-rl/Wordle-v0", {}),
        textarena="Wordle-v0",
        gem=("game:Wordle-v0-hard", {"word_length": 5, "max_turns": 6}),
        guesses=words,
        spaced=False,
    ),
    Contest(
        name="guess-number",
        ours=("wordle-rl/GuessNumber-v0", {"lo": 1, "hi": 20, "max_guesses": 10}),
        textarena="GuessTheNumber-v0",
        gem=(
            "game:GuessTheNumber-v0-hard",
            {"min_number": 1, "max_number": 20, "max_turns": 10},
        ),
        guesses=numbers,
        spaced=False,
    ),
    Contest(
        name="mastermind",
        ours=("wordle-rl/Mastermind-v0", {"max_guesses": 20, "duplicates": False}),
        textarena="Mastermind-v0",
        gem=(
            "game:Mastermind-v0-hard",
            {"code_length": 4, "num_numbers": 6, "max_turns": 20},
        ),
        guesses=codes,
        spaced=True,
    ),
)


def ours(contest: Contest) -> Play:
    """Gymnasium's interface, with the wrappers that `gymnasium.make` adds."""
    env_id, options = contest.ours
    return gymnasium_play(gymnasium.make(env_id, **options), lambda guess: f"[{guess}]")


def gem(contest: Contest) -> Play:
    """GEM's interface, which is Gymnasium's."""
    env_id, options = contest.gem
    spell = (lambda g: " ".join(digits(g))) if contest.spaced else str
    return gymnasium_play(
        import_module("gem").make(env_id, **options), lambda g: f"\\boxed{{{spell(g)}}}"
    )


def gymnasium_play(env: Any, spell: Callable[[str], str]) -> Play:
    """Five values a step."""

    def play(games: Sequence[Sequence[str]]) -> int:
        steps = 0
        for seed, guesses in enumerate(games):
            env.reset(seed=SEED + seed)
            for guess in guesses:
                _, _, terminated, truncated, _ = env.step(spell(guess))
                steps += 1
                if terminated or truncated:
                    break
        return steps

    return play


def textarena(contest: Contest) -> Play:
    """TextArena's interface: ask for the observation, then act."""
    env = import_module("textarena").make(contest.textarena)
    spell = (lambda g: " ".join(digits(g))) if contest.spaced else str

    def play(games: Sequence[Sequence[str]]) -> int:
        steps = 0
        for seed, guesses in enumerate(games):
            env.reset(num_players=1, seed=SEED + seed)
            for guess in guesses:
                env.get_observation()
                done, _ = env.step(action=f"[{spell(guess)}]")
                steps += 1
                if done:
                    break
        return steps

    return play


def digits(code: str) -> str:
    """`abca` as the peers write it: `1231`."""
    return "".join(str("abcdef".index(colour) + 1) for colour in code)


LIBRARIES: dict[str, tuple[str, Callable[[Contest], Play]]] = {
    OURS: ("wordle-rl", ours),
    "textarena": ("textarena", textarena),
    "gem": ("gem-llm", gem),
}
"""Name -> the distribution that has it, and what makes its games."""


def write_stand_in(folder: Path) -> None:
    """NLTK's word lists and tagger data as both peers read them, with our words, all nouns."""
    five = list(load_words("answers"))
    corpus, name = folder / "corpora" / "words", "averaged_perceptron_tagger_eng"
    tagger = folder / "taggers" / name
    for path in (corpus, tagger):
        path.mkdir(parents=True)
    (corpus / "README").write_text("a stand-in, made from wordle-rl's answers")
    for part in ("en", "en-basic"):
        (corpus / part).write_text("\n".join(five) + "\n")
    parts = {"weights": {}, "tagdict": dict.fromkeys(five, "NN"), "classes": ["NN"]}
    for part, value in parts.items():
        (tagger / f"{name}.{part}.json").write_text(json.dumps(value))


def use_stand_in(folder: Path) -> None:
    """Let NLTK find its data there, and download nothing."""
    write_stand_in(folder)
    os.environ["NLTK_DATA"] = str(folder)
    nltk: Any = import_module("nltk")
    nltk.data.path.insert(0, str(folder))
    nltk.download = lambda *_, **__: False


def made(library: str, contest: Contest) -> Play | str:
    """The library's game, or in a line why there is none."""
    distribution, make = LIBRARIES[library]
    try:
        return make(contest)
    except ImportError:
        return f"not installed: pip install {distribution}"
    except LookupError:
        return "needs NLTK data: install it, or use --stand-in"


def compare(
    contest: Contest, games: int, rounds: int, without: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """One row a library: steps and games per second, medians of the rounds, and our ratio."""
    rng = np.random.default_rng(SEED)
    played = [contest.guesses(rng) for _ in range(games)]
    players = {name: made(name, contest) for name in LIBRARIES if name not in without}
    rates: dict[str, list[tuple[float, float]]] = {name: [] for name in players}
    for number in range(rounds + 1):
        for name, play in players.items():
            if isinstance(play, str):
                continue
            steps, again, elapsed = 0, 0, 0.0
            began = time.process_time()
            while elapsed < LEAST_S:
                steps, again = steps + play(played), again + 1
                elapsed = time.process_time() - began
            if number:  # the first round only warms up
                rates[name].append((steps / elapsed, again * games / elapsed))
    return [_row(contest, name, players[name], rates) for name in players]


def _row(
    contest: Contest,
    name: str,
    player: Play | str,
    rates: dict[str, list[tuple[float, float]]],
) -> dict[str, Any]:
    if isinstance(player, str):
        return {"game": contest.name, "library": name, "missing": player}
    steps, games = (statistics.median(column) for column in zip(*rates[name], strict=True))
    best = statistics.median(rate for rate, _ in rates[OURS])
    return {
        "game": contest.name,
        "library": f"{name} {_version(LIBRARIES[name][0])}",
        "steps_per_s": steps,
        "games_per_s": games,
        "ours_is_faster_by": best / steps,
    }


def _version(distribution: str) -> str:
    """Empty for what runs from its sources and is not installed."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""


def line(row: dict[str, Any]) -> str:
    """A row as text."""
    head = f"{row['game']:13} {row['library']:18}"
    if "missing" in row:
        return f"{head} {row['missing']}"
    return (
        f"{head} {row['steps_per_s']:9,.0f} steps/s {row['games_per_s']:8,.0f} games/s"
        f"   ours {row['ours_is_faster_by']:.1f}x"
    )


@click.command()
@click.option("--games", default=2000, show_default=True, help="Games a round.")
@click.option("--rounds", default=5, show_default=True)
@click.option("--stand-in", is_flag=True, help="Our words in place of NLTK's data.")
@click.option("--without", multiple=True, type=click.Choice([*LIBRARIES][1:]), help="Leave it out.")
@click.option("--json", "as_json", is_flag=True)
def main(games: int, rounds: int, stand_in: bool, without: tuple[str, ...], as_json: bool) -> None:
    """Measure every game in every library and print the ratios."""
    with tempfile.TemporaryDirectory() as folder:
        if stand_in:
            use_stand_in(Path(folder))
        for contest in CONTESTS:
            for row in compare(contest, games, rounds, without):
                click.echo(json.dumps(row) if as_json else line(row))


if __name__ == "__main__":
    main()
