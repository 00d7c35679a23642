"""Play against an agent: what the browser is told and, before the end, what it is not."""

import json

import pytest

from wordle_rl.agents.loading import load_agent
from wordle_rl.errors import ConfigError
from wordle_rl.evaluation import web_play
from wordle_rl.evaluation.web_play import NoSuchGame, PlayTable


def table(*agents: str) -> PlayTable:
    return PlayTable(agents or ("greedy-patterns:crane", "random"), load_agent)


def letters(state: dict) -> str:
    """All that a state says beside what the person typed and the rules."""
    hidden = {**state, "you": {**state["you"], "rows": [], "keys": {}}}
    return json.dumps(hidden)


def test_the_secret_and_the_agents_letters_stay_here_until_the_end() -> None:
    games = table("greedy-patterns:crane")
    game = games.begin("greedy-patterns:crane", secret="moist")
    for word in ("slate", "fjord", "pygmy", "whelk", "bunch"):
        state = games.guess(game, word)
        assert not state["over"]
        assert state["secret"] is None
        assert "moist" not in letters(state)
        assert [row["guess"] for row in state["them"]["rows"]] == [""] * len(state["them"]["rows"])
    assert len(state["them"]["rows"]) <= 5
    done = games.guess(game, "crane")
    assert done["over"]
    assert done["secret"] == "moist"
    assert done["them"]["rows"][0] == {"guess": "crane", "marks": "XXXXX"}
    assert done["them"]["over"]


def test_the_agent_moves_with_the_person() -> None:
    games = table()
    game = games.begin("random", secret="moist")
    for turn, word in enumerate(("slate", "fjord", "pygmy"), start=1):
        state = games.guess(game, word)
        assert len(state["you"]["rows"]) == len(state["them"]["rows"]) == turn


def test_a_win_ends_both_games() -> None:
    games = table()
    game = games.begin("random", secret="moist")
    state = games.guess(game, "moist")
    assert state["you"]["solved"]
    assert state["over"]
    assert len(state["them"]["rows"]) == 6
    again = games.guess(game, "slate")
    assert again["refused"] == "The game is over."
    assert len(again["you"]["rows"]) == 1


@pytest.mark.parametrize(
    "word", ["", "abc", "zzzzz", "12345", "moist]", "<b>", "x" * 10_000, "ÅÅÅÅÅ"]
)
def test_a_word_that_is_refused_costs_nothing(word: str) -> None:
    games = table()
    game = games.begin("random", secret="slate")
    state = games.guess(game, word)
    if word == "moist]":
        assert len(state["you"]["rows"]) == 1
        return
    assert state["refused"]
    assert state["you"]["rows"] == state["them"]["rows"] == []


def test_words_left_and_keys_are_those_of_the_person() -> None:
    games = table()
    game = games.begin("random", secret="moist")
    assert games.state(game)["you"]["left"] == 2146
    state = games.guess(game, "moits")
    state = games.guess(game, "hoist") if state["refused"] else state
    assert 0 < state["you"]["left"] < 20
    assert set(state["you"]["keys"].values()) <= {"G", "Y", "X"}


def test_giving_up_reveals_and_lets_the_agent_finish() -> None:
    games = table()
    game = games.begin("random", secret="moist")
    state = games.give_up(game)
    assert (state["over"], state["secret"], state["you"]["solved"]) == (True, "moist", False)
    assert len(state["them"]["rows"]) == 6


def test_nobody_else_is_loaded() -> None:
    asked: list[str] = []

    def load(name: str):
        asked.append(name)
        return load_agent(name)

    games = PlayTable(["random"], load)
    for name in ("../../etc", "nano", "", "random "):
        with pytest.raises(ConfigError, match="unknown opponent"):
            games.begin(name)
    games.begin("random")
    games.begin("random")
    assert asked == ["random"]


def test_the_oldest_games_give_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_play, "MAX_GAMES", 2)
    games = table()
    first, second = games.begin("random"), games.begin("random")
    games.state(first)
    third = games.begin("random")
    assert games.state(first)["over"] is games.state(third)["over"] is False
    with pytest.raises(NoSuchGame, match="start a new one"):
        games.guess(second, "slate")


def test_secrets_are_drawn_from_the_answers() -> None:
    games = table()
    drawn = {games.give_up(games.begin("random"))["secret"] for _ in range(8)}
    assert len(drawn) > 1
