"""Decision trees: what ships, what a file must be, and play by a tree through the game."""

import time
from collections import Counter
from pathlib import Path

import pytest

from wordle_rl.agents.loading import load_agent
from wordle_rl.agents.tree_agent import TreeAgent
from wordle_rl.agents.word_tree import (
    FORMAT,
    make_tree,
    packaged_tree,
    parse_tree,
    read_tree,
    tree_text,
)
from wordle_rl.envs.feedback import feedback
from wordle_rl.envs.wordle import WordleEnv
from wordle_rl.envs.words import lists_hash, load_words
from wordle_rl.errors import ConfigError
from wordle_rl.records import Episode, Task
from wordle_rl.rollout import play_games

ANSWERS, GUESSES = load_words("answers", 5), load_words("guesses", 5)
HISTOGRAMS = {
    False: {1: 1, 2: 84, 3: 1161, 4: 860, 5: 40},
    True: {2: 128, 3: 996, 4: 886, 5: 126, 6: 10},
}
FOUR = ("crane", "crate", "slate", "stale")


def small_tree(*lines: str, answers: tuple[str, ...] = FOUR) -> str:
    return "\n".join([FORMAT, f"# lists {lists_hash(answers, answers)}", "# means", *lines, ""])


GOOD = small_tree("crate crane", "crate", "crate slate", "crate slate stale")


def play_all(agent: TreeAgent, words: tuple[str, ...], *, hard_mode: bool = False) -> list[Episode]:
    return play_games(
        agent,
        [Task(env_id="wordle", task_id=w, seed=0, options={"secret": w}) for w in words],
        make_env=lambda _: WordleEnv(answers=FOUR, guesses=FOUR, hard_mode=hard_mode),
        temperature=0.0,
        seeds=[0] * len(words),
    )


@pytest.mark.parametrize("hard_mode", [False, True])
def test_the_trees_that_ship_find_every_answer(hard_mode: bool) -> None:
    tree = packaged_tree(ANSWERS, GUESSES, hard_mode=hard_mode)
    assert tree is not None
    assert tuple(path[-1] for path in tree.paths) == ANSWERS
    assert {guess for path in tree.paths for guess in path} <= set(GUESSES)
    assert tree.histogram == HISTOGRAMS[hard_mode]
    assert tree.total == sum(n * words for n, words in HISTOGRAMS[hard_mode].items())
    assert tree.hard_mode is hard_mode


def test_other_lists_have_no_tree() -> None:
    assert packaged_tree(ANSWERS[1:], GUESSES, hard_mode=False) is None
    assert (
        packaged_tree(load_words("answers", 6), load_words("guesses", 6), hard_mode=False) is None
    )


def test_a_move_takes_less_than_a_millisecond() -> None:
    tree = packaged_tree(ANSWERS, GUESSES, hard_mode=False)
    assert tree is not None
    histories = [[(guess, feedback(guess, path[-1])) for guess in path[:-1]] for path in tree.paths]
    start = time.process_time()
    moves = [tree.next_guess(history) for history in histories]
    assert (time.process_time() - start) / len(histories) < 1e-3
    assert moves == [path[-1] for path in tree.paths]


def test_a_tree_has_nothing_to_say_off_its_paths() -> None:
    tree = parse_tree(GOOD)
    assert tree.next_guess([]) == "crate"
    assert tree.next_guess([("slate", "XXGGG")]) is None
    assert tree.next_guess([("crate", "GGGGX")]) is None


def test_text_and_back() -> None:
    tree = parse_tree(GOOD)
    assert tree.histogram == {1: 1, 2: 2, 3: 1}
    assert "8 guesses for 4 words, 2.0000 on average" in tree_text(tree)
    assert parse_tree(tree_text(tree)) == tree


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a tree"),
        ("crane\ncrate\n", "not a tree"),
        (GOOD.replace("tree 1", "tree 9"), "not a tree"),
        (small_tree("crate crane", "crate sla"), "a line is damaged"),
        (small_tree("crate crane", "", "crate slate"), "a line is damaged"),
        (small_tree("crate crane", "slate"), "'slate' is at odds"),
        (small_tree("crate slate", "crate crate slate"), "'slate' is at odds"),
    ],
)
def test_what_is_no_tree_is_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_tree(text, source="mine")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.txt': cannot be read"):
        load_agent(f"tree:{tmp_path / 'none.txt'}")


def test_an_agent_plays_its_file(tmp_path: Path) -> None:
    path = tmp_path / "four.txt"
    path.write_text(GOOD, encoding="utf-8")
    agent = load_agent(f"tree:{path}")
    assert isinstance(agent, TreeAgent)
    episodes = play_all(agent, FOUR)
    assert all(episode.solved for episode in episodes)
    assert Counter(len(e.turns) for e in episodes) == read_tree(path).histogram


def test_a_tree_is_known_by_what_it_plays(tmp_path: Path) -> None:
    other = small_tree("slate crane", "slate crane crate", "slate", "slate stale")
    files = {"a.txt": GOOD, "b.txt": GOOD, "c.txt": other}
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    a, b, c = (TreeAgent(f"tree:{tmp_path / name}").fingerprint for name in files)
    assert a == b != c


@pytest.mark.parametrize(
    ("text", "hard_mode", "message"),
    [
        (small_tree("crate", answers=("crate",)), False, "is for other word lists"),
        (small_tree("crate slate crane", "crate", "crate slate", "crate stale"), True, "hard mode"),
    ],
)
def test_a_tree_that_does_not_fit_the_game(
    tmp_path: Path, text: str, hard_mode: bool, message: str
) -> None:
    path = tmp_path / "tree.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        play_all(TreeAgent(f"tree:{path}"), FOUR, hard_mode=hard_mode)


def test_hard_mode_is_a_property_of_the_guesses() -> None:
    assert parse_tree(GOOD).hard_mode
    loose = make_tree([("crate", "slate", "crane"), ("crate",)], "any")
    assert not loose.hard_mode
