"""Preferences as records and as lines of a file."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordle_rl.errors import ConfigError
from wordle_rl.training.preferences import (
    Ranking,
    dense_ranks,
    ranking_of,
    read_preferences,
    to_line,
    write_preferences,
)

WON = ("stare", "XXXXX", "pound", "GGGGG")
LOST = ("stare", "XXXXX")
PLAIN = ("pound",)


def ranking(*ranks: int, **more: Any) -> Ranking:
    responses = (WON, LOST, PLAIN)[: len(ranks)]
    return Ranking(prompt=("wordle 5x6",), responses=responses, ranks=ranks, **more)


def test_a_pair_is_written_as_chosen_and_rejected() -> None:
    line = json.loads(to_line(ranking(2, 1, group="pound")))
    assert line["prompt"] == [{"role": "user", "content": "wordle 5x6"}]
    assert [m["role"] for m in line["rejected"]] == ["assistant", "user"] * 2
    assert [m["content"] for m in line["chosen"]] == list(LOST)
    assert line["group"] == "pound"


@pytest.mark.parametrize("ranks", [(1, 2), (1, 1), (2, 1, 2), (1, 3, 2), (5, 5, 5)])
def test_what_is_written_is_read_again(ranks: tuple[int, ...], tmp_path: Path) -> None:
    written = [ranking(*ranks, group="pound", info={"source": "person", "games": ["a", "b"]})]
    write_preferences(tmp_path / "p.jsonl", written)
    assert read_preferences(tmp_path / "p.jsonl") == written


def test_a_swapped_pair_is_read_with_the_better_one_first() -> None:
    found = ranking_of(json.loads(to_line(ranking(2, 1))))
    assert (found.responses, found.ranks) == ((LOST, WON), (1, 2))


def test_texts_are_read_as_messages() -> None:
    found = ranking_of({"prompt": "2 + 2?", "chosen": "4", "rejected": "5", "id": 7})
    assert found == Ranking(
        prompt=("2 + 2?",), responses=(("4",), ("5",)), ranks=(1, 2), info={"id": 7}
    )


def test_a_prompt_may_hold_earlier_turns() -> None:
    roles = ("user", "assistant", "user")
    prompt = [{"role": r, "content": c} for r, c in zip(roles, "abc", strict=True)]
    found = ranking_of({"prompt": prompt, "responses": ["x", "y"], "ranks": [2, 1]})
    assert found.prompt == ("a", "b", "c")
    assert found.ranks == (2, 1)


USER = {"role": "user", "content": "hi"}
BAD: dict[str, tuple[Any, str]] = {
    "no object": ([1], "a preference is a JSON object"),
    "no prompt": ({"chosen": "a", "rejected": "b"}, "'prompt' is missing"),
    "nothing to compare": ({"prompt": "p"}, "either 'chosen'"),
    "both forms": ({"prompt": "p", "chosen": "a", "responses": ["a"]}, "either 'chosen'"),
    "no loser": ({"prompt": "p", "chosen": "a"}, "'rejected' is missing"),
    "number": ({"prompt": 3, "chosen": "a", "rejected": "b"}, "'prompt' has to be a text"),
    "empty": ({"prompt": [], "chosen": "a", "rejected": "b"}, "'prompt' has to be a text"),
    "role": (
        {"prompt": [{"role": "system", "content": "s"}], "chosen": "a", "rejected": "b"},
        r"prompt\[0\] is of role 'system' where 'user' has its turn",
    ),
    "order": ({"prompt": "p", "chosen": [USER], "rejected": "b"}, r"chosen\[0\] is of role 'user'"),
    "content": (
        {"prompt": "p", "chosen": "a", "rejected": [{"role": "assistant"}]},
        r"rejected\[0\] has to be a message",
    ),
    "ending": (
        {"prompt": [USER, {"role": "assistant", "content": "a"}], "chosen": "a", "rejected": "b"},
        "'prompt' has to end with a message of the user",
    ),
    "ranks": ({"prompt": "p", "responses": ["a", "b"]}, "'responses' and 'ranks' have to be lists"),
    "too few": ({"prompt": "p", "responses": ["a", "b"], "ranks": [1]}, "2 responses but 1 ranks"),
    "one": ({"prompt": "p", "responses": ["a"], "ranks": [1]}, "needs two answers"),
    "fraction": ({"prompt": "p", "responses": ["a", "b"], "ranks": [1, 1.5]}, "whole numbers"),
    "truth": ({"prompt": "p", "responses": ["a", "b"], "ranks": [1, True]}, "whole numbers"),
}


@pytest.mark.parametrize("name", sorted(BAD))
def test_a_wrong_line_is_named_with_what_is_wrong(name: str, tmp_path: Path) -> None:
    value, message = BAD[name]
    path = tmp_path / "p.jsonl"
    path.write_text(to_line(ranking(1, 2)) + "\n" + json.dumps(value) + "\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=message) as error:
        read_preferences(path)
    assert str(error.value).startswith(f"{path}:3: ")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"{", b'{"prompt": "p"', b"[" * 100_000])
def test_what_is_no_json(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"p.jsonl:1: not JSON"):
        read_preferences(path)


def test_what_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        read_preferences(tmp_path / "p.jsonl")
    (tmp_path / "p.jsonl").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="not UTF-8"):
        read_preferences(tmp_path / "p.jsonl")


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=8))
def test_ranks_keep_the_order_of_what_is_ranked(keys: list[int]) -> None:
    ranks = dense_ranks(keys)
    assert sorted(set(ranks)) == list(range(1, len(set(keys)) + 1))
    for a, rank_a in zip(keys, ranks, strict=True):
        for b, rank_b in zip(keys, ranks, strict=True):
            assert (a > b) == (rank_a < rank_b)


def test_pairs_are_those_of_different_ranks() -> None:
    assert ranking(1, 2).pairs == 1
    assert ranking(1, 2, 2).pairs == 2
    assert ranking(1, 2, 3).pairs == 3
    assert ranking(1, 1).pairs == 0
    assert ranking(1, 1).is_tie
    assert not ranking(1, 2).is_tie


def test_a_group_is_whole_on_one_side_of_the_split() -> None:
    many = [ranking(1, 2, group=f"secret {n}") for n in range(400)]
    held_out = {r.group for r in many if r.is_held_out(0.25)}
    assert 0.15 < len(held_out) / 400 < 0.35
    other = [ranking(2, 1, 1, group=r.group, info={"step": 3}) for r in many]
    assert {r.group for r in other if r.is_held_out(0.25)} == held_out
    assert not any(r.is_held_out(0.0) for r in many)
    assert held_out < {r.group for r in many if r.is_held_out(0.5)}
    assert ranking(1, 2).cluster == "wordle 5x6"
