"""The games of TextArena: which can be played here, what a win is, and what the others lack.

Checked against TextArena 0.7.4 by running every id without a network. A game is known by its name,
the part of an id before `-v`: `Sudoku-v0-hard` is a Sudoku. Nothing here imports TextArena but
`text_arena_games`, which lists the ids.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import Literal

from wordle_rl.errors import ConfigError

ArenaStatus = Literal[
    "ok", "needs-nltk", "needs-key", "needs-python-3.12", "many-players", "broken", "unchecked"
]
"""`unchecked`: an id of a newer TextArena that this table does not know; it may be tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArenaGame:
    """One game of TextArena, with all its variants."""

    players: int
    """How many play it here: 1 or 2; 3 stands for more."""
    status: ArenaStatus = "ok"
    note: str = ""
    """For a playable game what a win is, otherwise what is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArenaRow:
    """One id of TextArena, for `wordle-rl envs --textarena`."""

    id: str
    players: int
    status: ArenaStatus
    note: str


def _alone(note: str, status: ArenaStatus = "ok") -> ArenaGame:
    return ArenaGame(players=1, status=status, note=note)


def _duel(note: str = "more points than the other side", status: ArenaStatus = "ok") -> ArenaGame:
    return ArenaGame(players=2, status=status, note=note)


def _many(status: ArenaStatus = "many-players", note: str = "three players or more") -> ArenaGame:
    return ArenaGame(players=3, status=status, note=note)


_JUDGE = "a paid language model judges it over the network (OPENROUTER_API_KEY)"
_SYNTAX = "its source needs Python 3.12"
_NO_FILES = "its data files are not in TextArena's package"

GAMES_OF_ONE: dict[str, ArenaGame] = {
    "2048": _alone("the target tile is made; a random player ends far below it"),
    "Bandit": _alone("the last button is the best one; TextArena's test for it is repaired"),
    "Blackjack": _alone("more hands won than lost; TextArena itself has no win, only a share"),
    "Countdown": _alone("the target is made exactly; always the same numbers"),
    "Crosswords": _alone("every letter is filled in; clues that name their word are not dealt"),
    "Cryptarithm": _alone("the equation holds; always the same equation"),
    "FifteenPuzzle": _alone("the tiles are in order; the half that cannot be solved is not dealt"),
    "FrozenLake": _alone("the goal is reached"),
    "GuessTheNumber": _alone("the number is guessed, in one turn more than the prompt says"),
    "LightsOut": _alone("all lights are off"),
    "LogicPuzzle": _alone("every cell is marked right"),
    "Mastermind": _alone("the code is guessed, in one turn more than the prompt says"),
    "Minesweeper": _alone("every safe cell is open; the first mine is forgiven as an invalid move"),
    "PegJump": _alone("one peg is left; always the same board"),
    "RushHour": _alone("the red car is out; no turn limit of its own"),
    "Secretary": _alone("the value that is taken is the highest of all"),
    "Set": _alone("a Set on each of the 20 turns; one card named three times is refused"),
    "Slitherlink": _alone("the loop is closed and fits the clues"),
    "Sokoban": _alone("every box is on a target; medium may take many seconds to deal"),
    "Sudoku": _alone("the grid is full and right"),
    "ThreeCardMonte": _alone("the ball is found"),
    "TowerOfHanoi": _alone("every disk is on C; an action may hold several moves"),
    "Hangman": _alone("the word is found; wrong whole words cost nothing", "needs-nltk"),
    "WordLadder": _alone("the target word is reached", "needs-nltk"),
    "WordSearch": _alone("every word is found", "needs-nltk"),
    "Wordle": _alone("the word is found; without NLTK use the game textarena-wordle", "needs-nltk"),
    "GuessWho": _alone(_JUDGE, "needs-key"),
    "TwentyQuestions": _alone(_JUDGE, "needs-key"),
    "Klondike": _alone("its source is not valid Python", "broken"),
    "BabyAiText": _alone("it imports the old package gym", "broken"),
    "UltimateTexasHoldem": _alone(_SYNTAX, "needs-python-3.12"),
}
"""Games for one player, by name."""

GAMES_OF_TWO: dict[str, ArenaGame] = {
    "Alquerque": _duel(),
    "Battleship": _duel("all ships of the other side are sunk"),
    "Breakthrough": _duel("a piece reaches the other side's home row"),
    "Briscola": _duel("more card points than the other side"),
    "Chopsticks": _duel("both hands of the other side are out"),
    "ColonelBlotto": _duel("more rounds than the other side"),
    "ConnectFour": _duel("four in a row"),
    "Crusade": _duel("more captures than the other side"),
    "GameOfPureStrategy": _duel(),
    "GermanWhist": _duel("more tricks than the other side"),
    "Golf": _duel("a lower score than the other side"),
    "HighSociety": _duel("a higher net worth than the other side"),
    "IndianPoker": _duel("more chips than the other side"),
    "IteratedMatchingPennies": _duel("more rounds than the other side"),
    "IteratedPrisonersDilemma": _duel(),
    "IteratedRockPaperScissors": _duel("more rounds than the other side"),
    "IteratedTwoThirdsAverage": _duel("more rounds than the other side"),
    "IteratedUltimatumGame": _duel("more money than the other side"),
    "KuhnPoker": _duel("more chips than the other side"),
    "LiarsDice": _duel("dice are left when the other side has none"),
    "LinesOfAction": _duel("all own pieces are connected"),
    "MemoryGame": _duel("more pairs than the other side"),
    "NewRecruit": _duel(),
    "Nim": _duel("the last object is taken"),
    "Othello": _duel("more pieces than the other side"),
    "PigDice": _duel("the target score is reached first"),
    "Poker": _duel("more chips than the other side"),
    "QuantumTicTacToe": _duel("three classical marks in a row"),
    "SantoriniBaseFixed": _duel("a worker reaches the third floor"),
    "SimpleBlindAuction": _duel("a higher net worth than the other side"),
    "SimpleNegotiation": _duel("a larger gain than the other side"),
    "SimpleTak": _duel("a path joins two opposite edges"),
    "Snake": _duel("alive, or longer, at the end"),
    "SpiteAndMalice": _duel("the payoff pile is played out"),
    "Stratego": _duel("the flag of the other side is captured"),
    "Surround": _duel("alive when the other side has crashed"),
    "Tak": _duel("a road joins two opposite edges"),
    "TicTacToe": _duel("three in a row"),
    "TruthAndDeception": _duel("the other side is deceived, or not"),
    "TwoDollar": _duel("a larger share than the other side"),
    "UltimateTicTacToe": _duel("three small boards in a row"),
    "WildTicTacToe": _duel("three equal marks in a row"),
    "DontSayIt": _duel("the other side says its secret word", "needs-nltk"),
    "LetterAuction": _duel("the more valuable word", "needs-nltk"),
    "SpellingBee": _duel("the longer word", "needs-nltk"),
    "WordChains": _duel("the other side has no next word", "needs-nltk"),
    "Debate": _duel(_JUDGE, "needs-key"),
    "ScenarioPlanning": _duel(_JUDGE, "needs-key"),
    "Checkers": _duel(_SYNTAX, "needs-python-3.12"),
    "Chess": _duel(_SYNTAX, "needs-python-3.12"),
    "IteratedStagHunt": _duel(_SYNTAX, "needs-python-3.12"),
    "ReverseTicTacToe": _duel(_SYNTAX, "needs-python-3.12"),
    "UsedCar": _duel("it is registered under a module that does not exist", "broken"),
    "UsedCarNegotiation": _duel(_NO_FILES, "broken"),
}
"""Games for two players, by name."""

GAMES_OF_MANY: dict[str, ArenaGame] = {
    "CharacterConclave": _many(),
    "Codenames": _many(),
    "MarketEntryGame": _many(),
    "PublicGoodsGame": _many(),
    "SecretMafia": _many(),
    "SettlersOfCatan": _many(),
    "Taboo": _many(),
    "ThreePlayerGOPS": _many(),
    "ThreePlayerIPD": _many(),
    "ThreePlayerTicTacToe": _many(),
    "ScorableGames": _many("broken", _NO_FILES),
}
"""Games for more players, by name. None of them can be played here."""

ARENA_GAMES: dict[str, ArenaGame] = {**GAMES_OF_ONE, **GAMES_OF_TWO, **GAMES_OF_MANY}

_REASONS: dict[ArenaStatus, str] = {
    "needs-key": "cannot be played: {note}, and games here never use the network",
    "needs-python-3.12": "cannot be played: {note}, and this is {python}",
    "many-players": "is for three players or more: choose a game for one or two",
    "broken": "does not run in TextArena: {note}; choose another game",
}


def arena_name(game_id: str) -> str:
    """The name of a game, which its variants share.

    >>> arena_name("Sudoku-v0-hard"), arena_name("2048-v0")
    ('Sudoku', '2048')
    """
    return game_id.partition("-v")[0]


def find_arena_game(game_id: str) -> ArenaGame:
    """What is known of a game. One that is not in the table is `unchecked`, for one player."""
    return ARENA_GAMES.get(arena_name(game_id), _alone("not in the table", "unchecked"))


def check_playable(game_id: str) -> ArenaGame:
    """The game of an id, if it can be tried here.

    Raises:
        ConfigError: it cannot; the one line says why and what to do.

    >>> check_playable("Nim-v0-large").players
    2
    """
    game = find_arena_game(game_id)
    if game.status == "needs-python-3.12" and sys.version_info >= (3, 12):
        return game
    if reason := _REASONS.get(game.status):
        python = f"Python {sys.version_info.major}.{sys.version_info.minor}"
        said = reason.format(note=game.note, python=python)
        raise ConfigError(f"TextArena game {game_id!r} {said}")
    return game


@cache
def arena_ids() -> tuple[str, ...]:
    """Every id of the installed TextArena, without its `-raw` and `-train` forms."""
    from wordle_rl.envs.text_arena_engine import registry

    return tuple(i for i in registry() if not i.endswith(("-raw", "-train")))


def check_id(game_id: str) -> None:
    """Raise ConfigError for an id that TextArena does not have, with the nearest that it has."""
    ids = arena_ids()
    if game_id not in ids:
        near = get_close_matches(game_id, ids, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise ConfigError(
            f"unknown TextArena game {game_id!r}: {hint}`wordle-rl envs --textarena` lists them"
        )


def text_arena_games() -> list[ArenaRow]:
    """Every game of the installed TextArena: its id, players, whether it can be played, and why."""
    rows = []
    for game_id in arena_ids():
        game = find_arena_game(game_id)
        rows.append(ArenaRow(id=game_id, players=game.players, status=game.status, note=game.note))
    return rows
