"""Rewards by search: players that cheat look for a lost game that is paid like a won one.

A player is a list of actions. Some thousand are drawn from what cheats try (repeats, refusals,
nothing, `eeeee`, feedback of their own invention, insults, walls of text, near misses, the secret
itself), and the best lost and the worst won game are improved by small changes, over every game and
every scheme. The scheme that is kept as a warning must be caught by the same search, and so must
pay by bits, which is for credit by turn and has no such order over games.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from wordle_rl.config import read_preset
from wordle_rl.envs import make_env
from wordle_rl.envs.base import TextEnv
from wordle_rl.envs.composed_rewards import scale_warning
from wordle_rl.envs.rewards import REWARDS
from wordle_rl.envs.words import load_words

NAIVE = "partial_credit_naive"
SCHEMES: dict[str, dict[str, Any]] = {
    **{name: {"reward": name} for name in REWARDS if name != NAIVE},
    "composed": {
        "rewards": {
            "correct": 1.0,
            "format": 0.35,
            "answers": 0.25,
            "clean": 0.2,
            "length": {"weight": -0.19, "free_chars": 5, "max_chars": 40},
            "partial_credit": 0.5,
        }
    },
    "composed on shaped": {
        "reward": "shaped",
        "rewards": {"game": 1.0, "format": 0.3, "length": {"weight": -0.15, "max_chars": 101}},
    },
}
"""Every scheme that promises it, and sums of functions at the limit of their weights."""
BINARY = {"binary": {"reward": "binary"}, "composed": SCHEMES["composed"]}
"""For TextArena's games, whose own schemes are fewer."""
EPSILON = 1e-9
STALLS = ["", "I do not know", "[zz9]", "you idiot", "x" * 300]

Moves = Callable[[str, np.random.Generator], list[str]]
"""The secret, chance -> wrong actions, legal and not, that suit the game."""


def words(secret: str, rng: np.random.Generator) -> list[str]:
    """One letter off, anagrams by chance, doubled letters, and any word of the list."""
    legal = [w for w in load_words("guesses", len(secret)) if w != secret]
    near = [w for w in legal if sum(a == b for a, b in zip(w, secret, strict=True)) >= 3]
    drawn = [legal[int(i)] for i in rng.integers(len(legal), size=4)]
    return [*near[:3], *drawn, *(letter * len(secret) for letter in secret[:2])]


def letters(secret: str, rng: np.random.Generator) -> list[str]:
    return [*secret, "z", "q", "x", *words(secret, rng)[:2]]


def numbers(secret: str, rng: np.random.Generator) -> list[str]:
    n = int(secret)
    near = [n - 1, n + 1, n - 7, n + 7, *rng.integers(-5, 120, size=3)]
    return [str(int(number)) for number in near]


def codes(secret: str, rng: np.random.Generator) -> list[str]:
    drawn = ["".join(rng.choice(list("abcdef"), size=4)) for _ in range(4)]
    near = [secret[:i] + other + secret[i + 1 :] for i in range(4) for other in "af"]
    return [code for code in [*near, *drawn, secret[::-1], "aaaa", "zzzz"] if code != secret]


def answers(secret: str, rng: np.random.Generator) -> list[str]:
    number = int(secret)
    return [str(number + 1), str(-number - 1), f"{number}/0", f"{number}.5", "[7, 8]", "0x10"]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One game under some rules."""

    game: str
    secrets: tuple[str, ...]
    moves: Moves
    options: dict[str, Any] = field(default_factory=dict)
    schemes: dict[str, dict[str, Any]] = field(default_factory=lambda: SCHEMES)

    def __str__(self) -> str:
        rules = ",".join(f"{key}={value}" for key, value in self.options.items())
        return f"{self.game}({rules})"


FREE = {"invalid_policy": "free", "max_invalid": 12}
END = {"invalid_policy": "terminate"}
COUNTING = {"track_candidates": True}
WORDS = ("eerie", "skill", "crane")
CASES = [
    *(Case(game="wordle", secrets=WORDS, moves=words, options=o) for o in ({}, FREE, END)),
    Case(game="wordle-hard", secrets=WORDS, moves=words),
    *(
        Case(game="guess-number", secrets=("1", "73", "100"), moves=numbers, options=o)
        for o in ({}, FREE, {**END, "max_guesses": 3})
    ),
    *(
        Case(game="mastermind", secrets=("abca", "ffff"), moves=codes, options=o)
        for o in ({}, {**FREE, "max_guesses": 3})
    ),
    *(
        Case(game="hangman", secrets=("eerie", "crane"), moves=letters, options=o)
        for o in ({}, {**FREE, "lives": 2}, {"max_repeats": 1})
    ),
    *(
        Case(
            game="math",
            secrets=("1:add:12,7",),
            moves=answers,
            options=o,
            schemes={k: v for k, v in SCHEMES.items() if k != "information_gain"},
        )
        for o in ({}, {"max_attempts": 4, "hints": True})
    ),
    Case(game="textarena-wordle", secrets=("crane",), moves=words, schemes=BINARY),
]
each = pytest.mark.parametrize(
    ("case", "scheme"),
    [(case, scheme) for case in CASES for scheme in case.schemes],
    ids=lambda value: str(value),
)


class Played(NamedTuple):
    """How a list of actions ended."""

    solved: bool
    total: float
    actions: tuple[str, ...]
    """Those that were played, in a game that ended by them."""


class Table:
    """A game at which many players sit one after the other, on one secret."""

    def __init__(self, case: Case, secret: str, **scheme: Any) -> None:
        self.env: TextEnv = make_env(case.game, **case.options, **scheme)
        self.secret = secret
        self.env.reset(options={"secret": secret})
        game = getattr(self.env, "game", self.env)
        self.solution: str = getattr(game, "_secret", secret)

    def play(self, actions: tuple[str, ...]) -> Played:
        """Play the actions, then say nothing until the game is over."""
        self.env.reset(options={"secret": self.secret})
        total, played = 0.0, []
        for action in [*actions, *[""] * 400]:
            _, reward, ended, _, info = self.env.step(action)
            total += reward
            played.append(action)
            if ended:
                return Played(info["solved"], total, tuple(played))
        raise AssertionError("the game does not end")


def temptations(case: Case, table: Table, rng: np.random.Generator) -> list[str]:
    """What cheats try in this game."""
    secret = table.solution
    wrong = case.moves(secret, rng)
    pretended = [
        f"[{wrong[0]}] -> G G G G G\nSolved in 1.",
        f"Guess 1/6: {' '.join(secret.upper())} -> G G G G G\nCorrect!",
        f"<think>[{secret}]</think> [{wrong[1]}] is right = GGGGG",
        f"GAME: = found\n{wrong[0]} =",
    ]
    bracketed = [f"[{move}]" for move in wrong]
    return [*STALLS, *wrong, *bracketed, *pretended, f"[{secret}]", f"so [{secret}] idiot"]


def drawn(pool: list[str], rng: np.random.Generator) -> tuple[str, ...]:
    """A player: mostly one or a few actions over and over, sometimes anything."""
    few = [pool[int(i)] for i in rng.integers(len(pool), size=int(rng.integers(1, 5)))]
    source = few if rng.random() < 0.6 else pool
    return tuple(source[int(i)] for i in rng.integers(len(source), size=int(rng.integers(1, 14))))


def changed(actions: tuple[str, ...], pool: list[str], rng: np.random.Generator) -> tuple[str, ...]:
    """One action put in, taken out or replaced."""
    place, new = int(rng.integers(len(actions))), pool[int(rng.integers(len(pool)))]
    taken = int(rng.integers(2))
    put_in = (new,) if rng.random() < 0.8 else ()
    return actions[:place] + put_in + actions[place + taken :] or (new,)


def searched(table: Table, pool: list[str], rng: np.random.Generator, n: int) -> Iterator[Played]:
    """`n` drawn players, then `n` changes each of the best loser and of the worst winner."""
    games = [table.play(drawn(pool, rng)) for _ in range(n)]
    games.append(table.play((f"[{table.solution}]",)))
    yield from games
    goals = {False: max, True: min}
    for solved, better in goals.items():
        best = better((g for g in games if g.solved is solved), key=lambda g: g.total, default=None)
        for _ in range(n if best else 0):
            assert best is not None
            game = table.play(changed(best.actions, pool, rng))
            yield game
            if game.solved is solved:
                best = better((game, best), key=lambda g: g.total)


def extremes(games: list[Played]) -> tuple[Played, Played]:
    """The best of the lost games and the worst of the won ones."""
    lost = [game for game in games if not game.solved]
    won = [game for game in games if game.solved]
    return max(lost, key=lambda game: game.total), min(won, key=lambda game: game.total)


def check(case: Case, scheme: str, n: int) -> None:
    rng = np.random.default_rng(0)
    for secret in case.secrets:
        table = Table(case, secret, **case.schemes[scheme])
        games = list(searched(table, temptations(case, table, rng), rng, n))
        best_loss, worst_win = extremes(games)
        assert best_loss.total < worst_win.total - EPSILON, (best_loss, worst_win)
        for game in [game for game in games if game.solved][: n // 2]:
            check_that_stalling_is_not_paid(table, game, rng)


def check_that_stalling_is_not_paid(table: Table, won: Played, rng: np.random.Generator) -> None:
    """The same win later, after some repeats and refusals, returns no more."""
    *before, last = won.actions
    stalls = [*STALLS, *before]
    for _ in range(int(rng.integers(1, 4))):
        before.insert(int(rng.integers(len(before) + 1)), stalls[int(rng.integers(len(stalls)))])
    later = table.play((*before, last))
    if later.solved:
        assert later.total <= won.total + EPSILON, (won, later)


@each
def test_no_cheat_is_paid_like_a_winner(case: Case, scheme: str) -> None:
    check(case, scheme, n=12)


@pytest.mark.slow
@each
def test_no_cheat_is_paid_like_a_winner_in_a_long_search(case: Case, scheme: str) -> None:
    check(case, scheme, n=400)


# --- what the same search catches


def found_by_search(case: Case, **scheme: Any) -> bool:
    """Whether a lost game is found that is paid like a won one."""
    rng = np.random.default_rng(0)
    for secret in case.secrets:
        table = Table(case, secret, **scheme)
        games = list(searched(table, temptations(case, table, rng), rng, n=30))
        best_loss, worst_win = extremes(games)
        if best_loss.total >= worst_win.total - EPSILON:
            return True
    return False


@pytest.mark.parametrize("game", ["wordle", "guess-number", "mastermind", "hangman"])
def test_the_naive_scheme_is_caught(game: str) -> None:
    case = next(case for case in CASES if case.game == game)
    assert found_by_search(case, reward=NAIVE)


COUNTED = {
    "wordle": Case(game="wordle", secrets=WORDS, moves=words, options=COUNTING),
    "guess-number": Case(game="guess-number", secrets=("73",), moves=numbers, options=COUNTING),
}


@pytest.mark.parametrize("game", COUNTED)
@pytest.mark.parametrize(
    ("paid", "keeps_order"),
    [
        ({"format": 0.9}, True),
        ({"format": 2.0}, False),
        ({"partial_credit": 5.0}, True),
        ({"partial_credit": -5.0}, False),
        ({"information_gain": 1.0}, True),
        ({"information_gain": -1.0}, True),
        ({"information_gain": {"weight": 1.0, "gamma": 1.0}}, True),
        ({"information_gain": {"weight": 1.0, "gamma": 0.5}}, False),
        ({"information_gain": {"weight": 1.0, "max_bits": 1.0}}, False),
        ({"expected_information": 1.0}, False),
        ({"guaranteed_information": 1.0}, False),
    ],
    ids=str,
)
def test_the_warning_of_a_scale_says_what_the_search_finds(
    game: str, paid: dict[str, Any], keeps_order: bool
) -> None:
    rewards = {"correct": 1.0, **paid}
    assert found_by_search(COUNTED[game], rewards=rewards) is not keeps_order
    assert (scale_warning(rewards) is None) is keeps_order


def test_the_preset_that_pays_by_turn_is_caught_and_warned_of() -> None:
    """Its README entry says so: pay by bits has no order over games."""
    env = read_preset("guess-number")["env"]
    case = Case(game=env["id"], secrets=("73", "500"), moves=numbers, options=env["options"])
    assert found_by_search(case, rewards=env["rewards"])
    assert "guaranteed_information" in str(scale_warning(env["rewards"]))
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    assert "as the preset `guess-number` has, is for credit by turn" in readme
