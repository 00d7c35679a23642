"""Settings: parsing, overrides, TOML, and one line for every mistake."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field, ValidationError

from wordle_rl.config import (
    PretrainConfig,
    Section,
    apply_overrides,
    parse,
    read_toml,
    to_toml,
)
from wordle_rl.errors import ConfigError


class Inner(Section):
    """A group inside a group."""

    lr: float = Field(0.1, gt=0)
    """The learning rate."""
    name: str | None = None
    """May be unset."""


class Outer(Section):
    """Two levels, as a training configuration has."""

    train: Inner = Inner()
    """The inner group."""
    seed: int = 0
    """The seed."""


# --- parsing


def test_values_fill_the_defaults() -> None:
    config = parse(Outer, {"train": {"lr": 2}})
    assert config == Outer(train=Inner(lr=2.0), seed=0)
    assert parse(PretrainConfig, {}) == PretrainConfig()
    assert parse(PretrainConfig, {"width": 64}).width == 64


def test_a_config_is_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        PretrainConfig().seed = 3


@pytest.mark.parametrize("cls", [PretrainConfig])
def test_every_setting_has_help(cls: type[Section]) -> None:
    assert all(field.description for field in cls.model_fields.values())


@pytest.mark.parametrize(
    ("cls", "values", "message"),
    [
        (PretrainConfig, {"stesp": 3}, "unknown setting 'stesp': did you mean 'steps'?"),
        (Outer, {"train": {"lt": 1}}, "unknown setting 'train.lt': did you mean 'train.lr'?"),
        (Outer, {"sede": 1}, "unknown setting 'sede': did you mean 'seed'?"),
        (Outer, {"zzzzzz": 1}, "unknown setting 'zzzzzz': Known: seed, train"),
        (Outer, {"train": {"lr": 0}}, "setting train.lr=0: Input should be greater than 0"),
        (Outer, {"train": 3}, "setting train=3: "),
        (Outer, {"seed": "x\ny"}, "setting seed='x\\ny': Input should be a valid integer"),
        (PretrainConfig, {"width": 40}, "setting width=40: Input should be a multiple of 32"),
        (PretrainConfig, {"dtype": "float16"}, "setting dtype='float16': Input should be 'auto'"),
        (PretrainConfig, {"steps": 0}, "setting steps=0: "),
        (PretrainConfig, {"muon_lr": math.nan}, "setting muon_lr=nan: "),
        (PretrainConfig, {"muon_lr": math.inf}, "setting muon_lr=inf: "),
    ],
)
def test_a_mistake_is_one_line_that_names_it(
    cls: type[Section], values: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)) as caught:
        parse(cls, values)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


# --- overrides


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("3e-4", 3e-4),
        ("true", True),
        ('"3"', "3"),
        ("wordle", "wordle"),
        ("my.module:name", "my.module:name"),
        ("[1, 2]", [1, 2]),
        ("a=b", "a=b"),
        ("1\nother = 2", "1\nother = 2"),
        ("", ""),
        (" 7 ", 7),
        ("/tmp/a b", "/tmp/a b"),
    ],
)
def test_an_override_is_read_as_toml_else_as_text(text: str, value: Any) -> None:
    assert apply_overrides({}, [f"section.key={text}"]) == {"section": {"key": value}}


def test_later_overrides_win_and_neighbours_stay() -> None:
    values = {"train": {"lr": 1.0, "steps": 5}, "seed": 1}
    result = apply_overrides(values, ["train.lr=2", "train.lr=3", "model.lora.rank=4"])
    assert result == {
        "train": {"lr": 3, "steps": 5},
        "seed": 1,
        "model": {"lora": {"rank": 4}},
    }


def test_overrides_leave_what_they_are_given_alone() -> None:
    values = {"a": {"b": {"c": 1}}}
    apply_overrides(values, ["a.b.c=2", "a.d=3"])
    assert values == {"a": {"b": {"c": 1}}}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("lr", "--set 'lr': write it as section.key=value"),
        ("=3", "--set '=3': write it as section.key=value"),
        (" = 3", "write it as section.key=value"),
        ("seed.x=3", "--set 'seed.x=3': 'seed' is a value, not a section"),
        ("train.lr.x=3", "'lr' is a value, not a section"),
        ("train..lr=3", "write it as section.key=value"),
        ("train.=3", "write it as section.key=value"),
    ],
)
def test_an_override_that_makes_no_sense_is_one_line(override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)) as caught:
        apply_overrides({"seed": 1, "train": {"lr": 1.0}}, [override])
    assert "\n" not in str(caught.value)


# --- TOML


def test_a_config_comes_back_from_its_toml(tmp_path: Path) -> None:
    config = PretrainConfig(model='a "b" \\ é', muon_lr=1e-7, steps=12)
    file = tmp_path / "config.toml"
    file.write_text(to_toml(config), encoding="utf-8")
    assert parse(PretrainConfig, read_toml(file)) == config
    nested = Outer(train=Inner(lr=3e-4))
    assert to_toml(nested) == "seed = 0\n\n[train]\nlr = 0.0003\n"


@settings(max_examples=50)
@given(st.text(), st.floats(min_value=0, exclude_min=True, allow_infinity=False))
def test_any_text_and_number_comes_back(tmp_path_factory: Any, name: str, lr: float) -> None:
    config = Outer(train=Inner(lr=lr, name=name))
    file = tmp_path_factory.mktemp("toml") / "config.toml"
    file.write_bytes(to_toml(config).encode("utf-8", "surrogatepass"))
    assert parse(Outer, read_toml(file)) == config


def test_files_that_cannot_be_read_are_one_line(tmp_path: Path) -> None:
    bad = {
        "none.toml": "no such file",
        "folder.toml": "cannot be read",
        "broken.toml": "is not valid TOML",
        "bytes.toml": "is not valid TOML",
    }
    (tmp_path / "folder.toml").mkdir()
    (tmp_path / "broken.toml").write_text("a = = 1\n")
    (tmp_path / "bytes.toml").write_bytes(b"a = \xff\n")
    for name, reason in bad.items():
        with pytest.raises(ConfigError, match=reason) as caught:
            read_toml(tmp_path / name)
        assert "\n" not in str(caught.value)
        assert name in str(caught.value)
