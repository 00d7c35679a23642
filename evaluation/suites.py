"""Frozen suites: which secrets of which game, under which rules, and a hash that says so.

A suite belongs to a family: one game under one set of rules, on the secrets of a split. Settings
are chosen on the suite of `val` (`wordle-val`), published figures come from that of `test`
(`wordle-heldout`, `guess-number-1000`, `math-1`), and that of `train` stands beside them to show
the gap. Two results compare only if their `suite_hash` is equal: it covers everything that fixes a
game but the agent: rules, secrets, lists, limit of guesses, temperature, and the first thing that
the game says.

`wordle_lists_suite` is Wordle on a user's own lists.

Of the numbers 1 to 100 only 6 and 7 are held out, so `guess-number-100` is for show; measure on
`guess-number-1000`.

Any other game, a user's own too, is measured on `seeded_suite`: its secrets of a split, by seed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, cast, get_args

from wordle_rl.envs import ARENA_PREFIX, GAMES, make_env, options_of, resolve_env_id, supported
from wordle_rl.envs.guess_number import GuessNumberEnv
from wordle_rl.envs.lexicon import Lexicon
from wordle_rl.envs.mastermind import MastermindEnv
from wordle_rl.envs.math_problems import problem_ids
from wordle_rl.envs.opponents import fingerprint_of
from wordle_rl.envs.plugins import is_plugin
from wordle_rl.envs.words import Split, lists_hash, load_words, split_words
from wordle_rl.errors import ConfigError, unknown_name
from wordle_rl.records import Task
from wordle_rl.seeding import generator, seed_from

SUITE_VERSION = 2
"""Raised when the rules of a suite change in a way its other fields do not show. 2: the hash covers
the opening prompt and the temperature, for a model's result depends on both."""
MATH_PROBLEMS = 500
"""Problems of each math suite."""
WORD_LISTS = ("answers", "guesses")
"""Options of a game that `Suite.lists_hash` stands for."""
SEEDED_GAMES = 200
"""Games of a suite that is drawn by seed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """How a suite is played and counted."""

    max_guesses: int
    """A loss counts as one guess more."""
    samples: int = 4
    """Sampled games for each secret, beside the greedy one. More of them make an interval narrower
    and change nothing else, so they are not part of the hash."""
    temperature: float = 1.0
    """Of the sampled games; the greedy one has 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """A fixed set of tasks under fixed rules."""

    name: str
    env_id: str
    env_options: Mapping[str, Any] = field(default_factory=dict)
    """What fixes the game; style and history belong to the agent."""
    split: str
    tasks: tuple[Task, ...]
    """One for each secret."""
    protocol: Protocol
    lists_hash: str = ""
    """sha256 of the words that can be a secret and of those that may be played."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """The secrets in the order of the tasks; of tasks drawn by seed, their ids."""
        return tuple(task.secret for task in self.tasks)

    @property
    def names_secrets(self) -> bool:
        """Whether every task names its secret; else seeds fix them."""
        return all("secret" in task.options for task in self.tasks)

    @property
    def prompt_hash(self) -> str:
        """sha256 of what the first game says first, in either style."""
        task = self.tasks[0]
        openings = []
        for style in ("chat", "compact"):
            reads = supported(self.env_id, style=style, history="last")
            env = make_env(self.env_id, **self.env_options, **reads)
            openings.append(env.reset(seed=task.seed, options=dict(task.options))[0])
        return sha256("\n\n".join(openings))

    @property
    def suite_hash(self) -> str:
        """sha256 of everything that fixes the result of an agent."""
        content: dict[str, Any] = {
            "version": SUITE_VERSION,
            "env_id": self.env_id,
            "env_options": {k: v for k, v in self.env_options.items() if k not in WORD_LISTS},
            "secrets": self.secrets,
            "lists": self.lists_hash,
            "max_guesses": self.protocol.max_guesses,
            "temperature": self.protocol.temperature,
            "prompt": self.prompt_hash,
        }
        if drawn := [t for t in self.tasks if "secret" not in t.options]:
            content["drawn"] = [[t.seed, dict(t.options)] for t in drawn]
            version = make_env(self.env_id, **self.env_options).DRAW_VERSION
            content |= {"draw_version": version} if version > 1 else {}
        opponent = self.env_options.get("opponent")
        game = self.env_options.get("game", self.env_id.removeprefix(ARENA_PREFIX))
        if opponent and (who := fingerprint_of(opponent, game)):
            content["opponent"] = who  # a run's name says little of its weights
        return sha256(json.dumps(content, sort_keys=True, separators=(",", ":")))

    def subset(self, n: int, seed: int = 0) -> Suite:
        """`n` of the tasks, drawn once and for all by `seed`, in their old order.

        The games are those of the whole suite, but the name and the hash are not: a result on
        some of the secrets is never mistaken for one on all of them.

        Raises:
            ConfigError: `n` is not positive.
        """
        if n < 1:
            raise ConfigError(f"a suite needs at least one secret, got {n!r}")
        if n >= len(self.tasks):
            return self
        chosen = generator("suite subset", seed).permutation(len(self.tasks))[:n]
        tasks = tuple(self.tasks[i] for i in sorted(chosen))
        return replace(self, name=f"{self.name}[{n}]", tasks=tasks)

    def against(self, opponent: str) -> Suite:
        """The same games for two against another opponent, under another name.

        Raises:
            ConfigError: the suite's game has no opponent, or there is none of that name.
        """
        if "opponent" not in self.env_options:
            raise ConfigError(
                f"suite {self.name!r} has no opponent: leave --opponent {opponent!r} out, or "
                "choose a suite of a game for two, such as tictactoe-random"
            )
        options = {**self.env_options, "opponent": opponent}
        make_env(self.env_id, **options)  # an opponent that there is not is refused here
        tasks = tuple(replace(task, env_options=options) for task in self.tasks)
        return replace(
            self, name=f"{self.name} against {opponent}", env_options=options, tasks=tasks
        )


class Draw(NamedTuple):
    """What fixes one task of a suite."""

    label: str
    seed: int
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One game under one set of rules, and its suites by split."""

    env_id: str
    env_options: Mapping[str, Any]
    max_guesses: int
    names: Mapping[str, str]
    """Split -> the name of its suite."""
    draws: Callable[[Split], Sequence[Draw]]
    lists_hash: Callable[[], str] = lambda: ""

    def suite(self, split: Split) -> Suite:
        """The suite of a split."""
        name = self.names[split]
        return Suite(
            name=name,
            env_id=self.env_id,
            env_options=self.env_options,
            split=split,
            tasks=tuple(
                Task(
                    env_id=self.env_id,
                    task_id=f"{name}/{draw.label}",
                    seed=draw.seed,
                    split=split,
                    options=draw.options,
                )
                for draw in self.draws(split)
            ),
            protocol=Protocol(max_guesses=self.max_guesses),
            lists_hash=self.lists_hash(),
        )


def _wordle(env_id: str, name: str, rules: Mapping[str, Any]) -> Family:
    return Family(
        env_id=env_id,
        env_options=rules,
        max_guesses=6,
        names={
            "train": f"{name}-train",
            "val": f"{name}-val",
            "test": f"{name}-heldout",
            "all": f"{name}-all",
        },
        draws=lambda split: _of_secrets(split_words(load_words("answers", 5), split)),
        lists_hash=lambda: lists_hash(load_words("answers", 5), load_words("guesses", 5)),
    )


def _numbers(hi: int) -> Family:
    rules = {"lo": 1, "hi": hi, "max_guesses": hi.bit_length(), "invalid_policy": "consume"}
    return Family(
        env_id="wordle-rl/GuessNumber-v0",
        env_options=rules,
        max_guesses=hi.bit_length(),
        names=_names(f"guess-number-{hi}"),
        draws=lambda split: _of_secrets(GuessNumberEnv(lo=1, hi=hi, split=split).answers),
    )


def _math(difficulty: int) -> Family:
    return Family(
        env_id="wordle-rl/MathQA-v0",
        env_options={"difficulty": difficulty, "max_attempts": 1},
        max_guesses=1,
        names=_names(f"math-{difficulty}"),
        draws=lambda split: _of_secrets(problem_ids(difficulty, split, MATH_PROBLEMS)),
    )


def _mastermind() -> Family:
    rules = {"length": 4, "colours": 6, "max_guesses": 10, "invalid_policy": "consume"}
    return Family(
        env_id="wordle-rl/Mastermind-v0",
        env_options=rules,
        max_guesses=10,
        names=_names("mastermind-4x6"),
        draws=lambda split: _of_secrets(MastermindEnv(split=split).answers),
    )


def _arena(game: str, max_turns: int) -> Family:
    """Games of TextArena for one, drawn by seed, with a limit of turns that is the suite's own."""
    return Family(
        env_id="wordle-rl/TextArena-v0",
        env_options={"game": game, "max_turns": max_turns},
        max_guesses=max_turns,
        names=_names(f"textarena-{game.partition('-')[0].lower()}"),
        draws=lambda split: [Draw(str(i), _seed(split, i), {}) for i in range(SEEDED_GAMES)],
    )


def _two_player(game: str, opponent: str, seats: str = "") -> Family:
    """Games against an opponent, from both seats in turn, or from the `first` or `second` alone."""
    name = "-".join(filter(None, [game.partition("-")[0].lower(), opponent, seats]))
    order = {"": (0, 1), "first": (0,), "second": (1,)}[seats]
    return Family(
        env_id="wordle-rl/TextArena-v0",
        env_options={"game": game, "opponent": opponent},
        max_guesses=1,
        names=_names(name),
        draws=lambda split: [
            Draw(str(i), _seed(split, i), {"seat": order[i % len(order)]})
            for i in range(SEEDED_GAMES)
        ],
    )


def _names(test: str) -> dict[str, str]:
    return {"test": test} | {split: f"{test}-{split}" for split in ("train", "val", "all")}


def _of_secrets(secrets: Sequence[str]) -> list[Draw]:
    return [Draw(secret, 0, {"secret": secret}) for secret in secrets]


def _seed(split: str, number: int) -> int:
    """Of a game that is drawn by seed: no split shares one with another."""
    return seed_from("suite", split, number) % 2**31


WORDLE_RULES: Mapping[str, Any] = {"max_guesses": 6, "invalid_policy": "consume"}
FAMILIES: tuple[Family, ...] = (
    _wordle("wordle-rl/Wordle-v0", "wordle", WORDLE_RULES),
    _wordle("wordle-rl/WordleHard-v0", "wordle-hard", WORDLE_RULES),
    _wordle("wordle-rl/TextArenaWordle-v0", "textarena-wordle", {}),
    _numbers(100),
    _numbers(1000),
    *(_math(difficulty) for difficulty in range(1, 6)),
    _mastermind(),
    _arena("FrozenLake-v0", 30),
    _arena("LightsOut-v0", 40),
    _arena("Mastermind-v0", 21),
    _arena("Minesweeper-v0", 60),
    *(
        _two_player(game, opponent)
        for game in ("TicTacToe-v0", "Nim-v0")
        for opponent in ("random", "perfect")
    ),
    *(
        _two_player(game, "perfect", seats)
        for game in ("TicTacToe-v0", "Nim-v0")
        for seats in ("first", "second")
    ),
)


def suite_names() -> tuple[str, ...]:
    """Every suite that has a name."""
    return tuple(name for family in FAMILIES for name in family.names.values())


def load_suite(name: str, split: str | None = None) -> Suite:
    """The suite of a name.

    Args:
        name: such as `wordle-heldout`, `guess-number-1000` or `math-2-val`; or that of a game, also
            of one's own, for its test secrets.
        split: the same game on the secrets of another split: `train`, `val`, `test` or `all`.

    Raises:
        ConfigError: there is no such suite or split; the message names the nearest.

    >>> load_suite("wordle-heldout", split="val").name
    'wordle-val'
    """
    for family in FAMILIES:
        for own_split, own_name in family.names.items():
            if name == own_name:
                return family.suite(_check_split(own_split if split is None else split))
    games = {*GAMES, *(game.env_id for game in GAMES.values())}
    if name in games or name.startswith(ARENA_PREFIX) or is_plugin(name):
        return suite_for(name, {}, _check_split("test" if split is None else split))
    raise unknown_name("suite", name, [*suite_names(), *GAMES])


def suite_for(env_id: str, env_options: Mapping[str, Any], split: Split) -> Suite:
    """What a game is measured on: the suite with a name, else its own secrets by seed.

    Args:
        env_id: the game, by whatever name.
        env_options: its arguments; a named suite serves if they change nothing about its rules.
        split: which secrets.

    Raises:
        ConfigError: there is no such game, or it does not take its arguments.
    """
    if not is_plugin(env_id):
        rules = _rules(env_id, env_options)
        for family in FAMILIES:
            same_game = family.env_id == resolve_env_id(env_id)
            if same_game and _rules(family.env_id, family.env_options) == rules:
                return family.suite(split)
    return seeded_suite(env_id, env_options, split)


def wordle_lists_suite(lexicon: Lexicon, source: str, *, hard_mode: bool = False) -> Suite:
    """Wordle on a user's own lists: every answer once, under the rules of `wordle-all`.

    Args:
        lexicon: the lists.
        source: what to call them, such as the name of a file.
        hard_mode: under the rules of `wordle-hard-all`.
    """
    words = lexicon.all_answers
    base = "wordle-hard-all" if hard_mode else "wordle-all"
    name = f"{base}({source})"
    env_id = "wordle-rl/WordleHard-v0" if hard_mode else "wordle-rl/Wordle-v0"
    return Suite(
        name=name,
        env_id=env_id,
        env_options={
            **WORDLE_RULES,
            "word_length": len(words[0]),
            "answers": words,
            "guesses": lexicon.guesses,
        },
        split="all",
        tasks=tuple(
            Task(
                env_id=env_id,
                task_id=f"{name}/{word}",
                seed=0,
                split="all",
                options={"secret": word},
            )
            for word in words
        ),
        protocol=Protocol(max_guesses=6),
        lists_hash=lists_hash(words, lexicon.guesses),
    )


def seeded_suite(
    env_id: str, env_options: Mapping[str, Any], split: Split, n: int = SEEDED_GAMES
) -> Suite:
    """`n` games of any game, drawn by seeds that depend on the split alone.

    A game with a `split` argument draws from its own secrets of it. One without has none to hold
    out: there the splits have different seeds, and chance alone keeps their secrets apart.
    """
    options = dict(env_options)
    if "split" in (options_of(env_id) or ()):
        options["split"] = split
    rules = make_env(env_id, **options).public()
    in_turn = rules.get("players") == 2
    return Suite(
        name=f"{env_id}({split})",
        env_id=env_id,
        env_options=options,
        split=split,
        tasks=tuple(
            Task(
                env_id=env_id,
                task_id=f"{env_id}/{split}/{i}",
                seed=_seed(split, i),
                split=split,
                options={"seat": i % 2} if in_turn else {},
            )
            for i in range(n)
        ),
        protocol=Protocol(max_guesses=int(rules.get("max_guesses", 1))),
    )


def _rules(env_id: str, env_options: Mapping[str, Any]) -> dict[str, Any]:
    """What tells games of one kind apart."""
    opponent = env_options.get("opponent", "random")
    return {**make_env(env_id, **env_options).public(), "opponent": opponent}


def _check_split(split: str) -> Split:
    if split not in get_args(Split):
        raise unknown_name("split", split, get_args(Split))
    return cast(Split, split)


def sha256(text: str) -> str:
    """The sha256 of a text in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()
