"""docs/algorithms.md says what the registry does, and all of it."""

import re
from pathlib import Path

from wordle_rl.training.algorithms import ALGORITHMS, formula_of
from wordle_rl.training.other_methods import OTHER_METHODS

PAGE = Path(__file__).resolve().parents[1] / "docs" / "algorithms.md"


def sections() -> dict[str, str]:
    """The text of each section by its heading."""
    _, *parts = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {part.partition("\n")[0]: part.partition("\n")[2] for part in parts}


def test_every_method_has_its_section_in_the_order_of_the_table() -> None:
    assert list(sections()) == [*ALGORITHMS, *OTHER_METHODS]


def test_formulas_and_papers_are_those_of_the_table() -> None:
    found = sections()
    wanted = {name: (formula_of(a), a.paper) for name, a in ALGORITHMS.items()}
    wanted |= {name: (m.formula, m.paper) for name, m in OTHER_METHODS.items()}
    for name, (formula, paper) in wanted.items():
        assert f"\n    {formula}\n" in found[name], name
        assert f"\n- Paper: {paper}\n" in found[name], name


def test_every_section_says_when_to_use_it_and_how_it_departs() -> None:
    for name, text in sections().items():
        for label in ("When", "Departures"):
            line = re.search(rf"^- {label}: (.+)$", text, flags=re.MULTILINE)
            assert line is not None, (name, label)
            assert len(line[1]) > 4
