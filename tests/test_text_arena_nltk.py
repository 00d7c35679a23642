"""TextArena's games that read NLTK's data: with a stand-in for it, and without any.

NLTK keeps what it has read, so each test begins and ends with nothing read.
"""

import pickle
import sys
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from tests.arena_games import arena, last_info, play, random_action, state
from tests.nltk_data import write_tagger, write_words
from wordle_rl.cli_play import play as play_command
from wordle_rl.envs.text_arena import TextArenaEnv
from wordle_rl.envs.text_arena_engine import registry
from wordle_rl.envs.text_arena_games import ARENA_GAMES, arena_name, text_arena_games
from wordle_rl.errors import ConfigError

IDS = [row.id for row in text_arena_games() if row.status == "needs-nltk"]
NAMES = sorted({arena_name(game) for game in IDS})
PLAIN = [f"{name}-v0" for name in NAMES]
each_game = pytest.mark.parametrize("game", PLAIN)

RUNGS = ["abcde"[n // 5 + 1] * (n % 5) + "abcd"[n // 5] * (5 - n % 5) for n in range(16)]
"""A ladder of 15 steps without a short cut: aaaaa, baaaa, bbaaa, ..., ddddd."""
WORDS = [*RUNGS, "stone", "money", "river", "orange", "picture", "sea"]
READS_AT_IMPORT = ["textarena.envs.LetterAuction.env", "textarena.envs.Wordle.env"]


def forget_what_was_read() -> None:
    from nltk import tag
    from nltk.corpus import words

    words._unload()
    tag._get_tagger.cache_clear()
    for name in READS_AT_IMPORT:
        sys.modules.pop(name, None)


@pytest.fixture
def no_data(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """NLTK without any data."""
    registry()
    import nltk

    monkeypatch.setattr(nltk.data, "path", [])
    forget_what_was_read()
    yield
    forget_what_was_read()


@pytest.fixture
def data(no_data: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """NLTK with a few words, all of them nouns."""
    import nltk

    write_words(tmp_path, basic=WORDS, english=WORDS)
    write_tagger(tmp_path, dict.fromkeys(WORDS, "NN"))
    monkeypatch.setattr(nltk.data, "path", [str(tmp_path)])


@pytest.fixture
def few_words(data: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the dictionaries that TextArena brings itself, which take a second to read."""
    from textarena.envs.utils.word_lists import EnglishDictionary

    monkeypatch.setattr(EnglishDictionary, "_load_dic", lambda *_: set())


def played(env: TextArenaEnv, seed: int) -> list[Any]:
    """A game at random to its end."""
    rng = np.random.default_rng(seed)
    came: list[Any] = [env.reset(seed=seed)]
    while not env.match.done:
        came.append(env.step(random_action(env, rng)))
    return came


def check_two_games(game: str) -> None:
    """They end as games do, leave nothing behind, and go on in a copy."""
    env = arena(game, max_turns=60)
    for seed in (0, 1):
        came = played(env, seed)
        assert all(observation in env.observation_space for observation, *_ in came)
        info = came[-1][4]
        assert info["end_reason"] in ("solved", "draw", "lost", "invalid", "max_turns")
        assert info["problem"] == ""
        assert came == played(arena(game, max_turns=60), seed)
    twin = pickle.loads(pickle.dumps(env))
    assert played(twin, 2) == played(env, 2)


# --- with data


@each_game
@pytest.mark.usefixtures("few_words")
def test_every_game_starts_and_plays_to_its_end(game: str) -> None:
    check_two_games(game)


@pytest.mark.slow
@pytest.mark.parametrize("game", IDS)
@pytest.mark.usefixtures("data")
def test_every_id_does_so_with_all_the_words_there_are(game: str) -> None:
    check_two_games(game)


def hangman(env: TextArenaEnv) -> list[str]:
    word = state(env).game_state["target_word"]
    return [f"[{letter}]" for letter in dict.fromkeys(word)]


def wordle(env: TextArenaEnv) -> list[str]:
    return [f"[{state(env).game_state['secret_word']}]"]


def word_ladder(env: TextArenaEnv) -> list[str]:
    game = env.match.engine.env
    start, target = RUNGS.index(game.start_word), RUNGS.index(game.target_word)
    way = RUNGS[start : target + 1] if start < target else RUNGS[target : start + 1][::-1]
    return [f"[{rung}]" for rung in way[1:]]


def word_search(env: TextArenaEnv) -> list[str]:
    moves = []
    for word, (row, column, way) in env.match.engine.env.placed_words.items():
        down, across = (len(word) - 1, 0) if way == "down" else (0, len(word) - 1)
        moves.append(f"[{row} {column} {row + down} {column + across}]")
    return moves


SOLVERS = {
    "Hangman-v0": hangman,
    "WordLadder-v0": word_ladder,
    "WordLadder-v0-hard": word_ladder,
    "WordSearch-v0": word_search,
    "Wordle-v0": wordle,
    "Wordle-v0-long": wordle,
}


@pytest.mark.parametrize("game", SOLVERS)
@pytest.mark.usefixtures("few_words")
def test_who_knows_the_solution_wins(game: str) -> None:
    for seed in range(4):
        env = arena(game)
        env.reset(seed=seed)
        actions = SOLVERS[game](env)
        *others, (_, reward, _, _, info) = play(env, *actions, seed=seed)
        assert (reward, info["solved"], info["end_reason"]) == (1.0, True, "solved")
        assert len(others) == len(actions), "not before the last action"


@each_game
@pytest.mark.usefixtures("few_words")
def test_a_secret_is_told_at_the_end_alone(game: str) -> None:
    came = played(arena(game, max_turns=60), 0)
    assert ["secret" in info for *_, info in came] == [False] * (len(came) - 1) + [True]
    assert bool(came[-1][4]["secret"]) == (game in ("Hangman-v0", "Wordle-v0"))


@pytest.mark.usefixtures("few_words")
def test_the_opening_of_hangman_tells_the_length_alone() -> None:
    openings: dict[int, set[str]] = {}
    env = arena("Hangman-v0")
    for seed in range(200):
        opening, info = env.reset(seed=seed)
        openings.setdefault(len(env.match.engine.secret), set()).add(f"{opening} {info}")
    assert set(openings) == {len(word) for word in WORDS}
    assert {len(seen) for seen in openings.values()} == {1}


# --- defects that are put right


@pytest.mark.usefixtures("few_words")
def test_a_letter_auction_begins_with_a_fresh_pack() -> None:
    """It shuffles the letters as they lie, so it is made again for each game."""
    env = arena("LetterAuction-v0")
    first = [env.reset(seed=seed)[0] for seed in (3, 4, 3)]
    assert first[0] == first[2] != first[1]


@pytest.mark.usefixtures("few_words")
def test_a_word_search_begins_with_all_its_tries() -> None:
    env = arena("WordSearch-v0")
    for _ in range(2):
        opening, _ = env.reset(seed=0)
        assert "Incorrect Attempts Remaining: 20" in opening
        assert "19 incorrect tries remaining" in env.step("[0 0 0 0]")[0]


@pytest.mark.usefixtures("few_words")
def test_a_word_search_reads_moves_in_their_order() -> None:
    """It puts them into a set of strings, whose order differs from process to process."""
    env = arena("WordSearch-v0")
    env.reset(seed=0)
    for moves in permutations(word_search(env)[:3]):
        env.reset(seed=0)
        text = env.step(" ".join(moves))[0]
        places = [text.index(f"{move} is a correct attempt") for move in moves]
        assert places == sorted(places)
    assert "set" not in vars(sys.modules["textarena.envs.WordSearch.env"])


@pytest.mark.usefixtures("few_words")
def test_word_chains_draws_from_a_list_in_order() -> None:
    """It makes the list from a set of strings."""
    words = arena("WordChains-v0").match.engine.env.word_list
    assert words == sorted(word for word in WORDS if len(word) <= 5)


# --- games for two


def resign(observation: str, generator: np.random.Generator) -> str:
    """An opponent that says its own word, and nothing that is a move."""
    del generator
    return observation.partition("Your secret word is: ")[2][:9]


@pytest.mark.parametrize("game", ["LetterAuction-v0", "SpellingBee-v0", "WordChains-v0"])
@pytest.mark.usefixtures("few_words")
def test_an_opponent_without_a_move_loses(game: str) -> None:
    info = last_info(arena(game, opponent=resign, seat=1), "?", seed=0)
    assert (info["solved"], info["end_reason"], info["opponent_turns"]) == (True, "solved", 2)


@pytest.mark.usefixtures("few_words")
def test_who_says_the_word_of_the_other_loses() -> None:
    env = arena("DontSayIt-v0", opponent=resign)
    env.reset(seed=0)
    mine, theirs = (state(env).game_state["target_words"][player] for player in (0, 1))
    assert mine != theirs
    assert last_info(env, f"{mine}?", "well", seed=0)["end_reason"] == ""
    assert last_info(env, f"is it {theirs}", seed=0)["end_reason"] == "lost"


@pytest.mark.usefixtures("few_words")
def test_a_talk_without_a_limit_goes_on() -> None:
    """TextArena compares the turn with None, its sign for no limit."""
    env = arena("DontSayIt-v0-unlimited", max_turns=60)
    info = last_info(env, *["well"] * 40, seed=0)
    assert (info["end_reason"], info["turn"], info["problem"]) == ("max_turns", 30, "")


@pytest.mark.usefixtures("few_words")
def test_an_auction_to_its_end() -> None:
    env = arena("LetterAuction-v0", opponent=lambda *_: "[pass]")
    *_, (_, reward, _, _, info) = play(env, *["[bid 2]"] * 26, "[stone]", seed=0)
    assert info["problem"] == ""
    assert (reward, info["solved"]) == (1.0, True)


# --- without data

MISSING = (
    "TextArena game '{}' needs NLTK data that is not installed: "
    "run `python -m nltk.downloader words averaged_perceptron_tagger_eng` once"
)


def test_there_are_eight_games_with_their_variants() -> None:
    assert len(NAMES) == 8
    assert len(IDS) == 21


@pytest.mark.parametrize("game", IDS)
@pytest.mark.usefixtures("no_data")
def test_without_data_one_line_says_what_is_missing(game: str) -> None:
    with pytest.raises(ConfigError) as caught:
        arena(game)
    assert str(caught.value) == MISSING.format(game)


@pytest.mark.parametrize("game", ["Wordle-v0", "DontSayIt-v0"])
def test_half_of_the_data_is_not_enough(
    game: str, no_data: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import nltk

    write_words(tmp_path, basic=WORDS, english=WORDS)
    monkeypatch.setattr(nltk.data, "path", [str(tmp_path)])
    with pytest.raises(ConfigError) as caught:
        arena(game)
    assert str(caught.value) == MISSING.format(game)


@pytest.mark.usefixtures("no_data")
def test_the_command_line_says_the_same() -> None:
    result = CliRunner().invoke(play_command, ["--env", "textarena:Hangman-v0"])
    assert isinstance(result.exception, ConfigError)
    assert str(result.exception) == MISSING.format("Hangman-v0")
    assert (result.exception.exit_code, result.output) == (2, "")


KEYED = [f"{name}-v0" for name, game in ARENA_GAMES.items() if game.status == "needs-key"]


@pytest.mark.parametrize("game", KEYED)
def test_a_game_that_needs_a_key_says_so_in_a_line(
    game: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a key too: games never use the network."""
    monkeypatch.setenv("OPENROUTER_API_KEY", "a key")
    with pytest.raises(ConfigError) as caught:
        arena(game)
    assert str(caught.value) == (
        f"TextArena game '{game}' cannot be played: a paid language model judges it over the "
        "network (OPENROUTER_API_KEY), and games here never use the network"
    )


def test_four_games_need_a_key() -> None:
    assert sorted(KEYED) == [
        "Debate-v0",
        "GuessWho-v0",
        "ScenarioPlanning-v0",
        "TwentyQuestions-v0",
    ]
