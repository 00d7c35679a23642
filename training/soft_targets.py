"""What baselines that draw by chance would have said: soft targets for their games.

    games of a baseline -> for each turn, P(next symbol), as in `symbols`

A baseline that draws one of several answers, each with equal chance, gives a sampled label: one
number where a hundred were as right. What it may say next is known exactly; imitating that has the
same gradient in expectation without the noise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from wordle_rl.agents.arena_players import OPPONENT_OF, speller
from wordle_rl.envs import make_env
from wordle_rl.envs.guess_number import Interval
from wordle_rl.envs.opponents import opponent_by_rule
from wordle_rl.envs.perfect_play import MoveByRule
from wordle_rl.records import Episode
from wordle_rl.training.symbols import (
    ALPHABET,
    Codes,
    Probabilities,
    encode_answers,
    next_symbols,
)

MOST_NUMBERS = 10_000
"""A range of more has no soft targets: there is a weight for each number on every turn."""

Targets = list[tuple[Probabilities, ...]]
"""For each game and turn, [symbols + 1, A]; empty games where nothing is known."""


def soft_targets(
    env_id: str, options: Mapping[str, Any], baseline: str, games: Sequence[Episode]
) -> Targets:
    """What `baseline` might have said on each turn of games that it played from their start."""
    public = make_env(env_id, **options).public()
    if public["game"] == "guess-number" and baseline == "random-consistent":
        everything = Interval(public["lo"], public["hi"])
        if everything.size <= MOST_NUMBERS:
            return _numbers(games, everything)
    if "adds_brackets" in public and baseline in OPPONENT_OF:  # one of TextArena's
        player = opponent_by_rule(OPPONENT_OF[baseline], public["game"])
        if isinstance(player, MoveByRule):
            return [_moves(game, player, speller(public)) for game in games]
    return [() for _ in games]


def _numbers(games: Sequence[Episode], everything: Interval) -> Targets:
    """Any number that is still possible, each alike."""
    possible = np.array([interval for game in games for interval in _intervals(game, everything)])
    guesses = np.array([int(turn.info["guess"]) for game in games for turn in game.turns])
    numbers = np.arange(everything.low, everything.high + 1)
    codes: Codes = encode_answers([str(number) for number in numbers])
    low, high = possible[:, :1], possible[:, 1:]
    weights = ((numbers >= low) & (numbers <= high)).astype(np.float32)  # [N, W]
    probs = iter(next_symbols(weights, codes[guesses - everything.low], codes))
    return [
        tuple(next(probs)[: len(turn.info["guess"]) + 1] for turn in game.turns) for game in games
    ]


def _intervals(game: Episode, everything: Interval) -> Iterator[Interval]:
    """What was possible before each turn."""
    possible = everything
    for turn in game.turns:
        yield possible
        possible = possible.narrow(int(turn.info["guess"]), turn.info["feedback"])


def _moves(
    game: Episode, player: MoveByRule, spelled: Callable[[str], str]
) -> tuple[Probabilities, ...]:
    """Any move that the rule allows, each alike; nothing where one has other signs than symbols."""
    heard, targets = "", []
    for turn in game.turns:
        heard = f"{heard}{turn.observation}\n"
        moves = [spelled(move) for move in player.moves(heard)]
        if turn.action not in moves or not all(set(move) <= set(ALPHABET) for move in moves):
            return ()
        weights = np.ones((1, len(moves)), dtype=np.float32)
        [probs] = next_symbols(weights, encode_answers([turn.action]), encode_answers(moves))
        targets.append(probs)
    return tuple(targets)
