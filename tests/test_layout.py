"""The folders at the root are one package: mapped, linked, importable, and shipped whole."""

import ast
import importlib
import os
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SETUPTOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"][
    "setuptools"
]
FOLDER_OF: dict[str, str] = SETUPTOOLS["package-dir"]
NESTED = sorted(name for name in FOLDER_OF if "." in name)
OUTSIDE = {"build", "dist", "runs", "node_modules"}
"""Folders at the root that are made by tools and are no part of the source."""


def source_folders() -> Iterator[Path]:
    """Every folder of the checkout below its root, without hidden ones and without links."""
    for folder, names, _ in os.walk(ROOT):
        names[:] = [
            name
            for name in names
            if not name.startswith((".", "__pycache__"))
            and not name.endswith(".egg-info")
            and not (Path(folder) == ROOT and name in OUTSIDE)
            and not (Path(folder) / name).is_symlink()
        ]
        if Path(folder) != ROOT:
            yield Path(folder)


def test_every_package_folder_is_mapped() -> None:
    packages = {
        folder.relative_to(ROOT).as_posix()
        for folder in source_folders()
        if (folder / "__init__.py").is_file()
    }
    assert packages == set(FOLDER_OF.values())


def test_the_packages_are_the_mapped_ones() -> None:
    assert sorted(SETUPTOOLS["packages"]) == sorted(FOLDER_OF)


@pytest.mark.parametrize("name", NESTED)
def test_link_leads_to_its_folder(name: str) -> None:
    folder = FOLDER_OF[name]
    assert name == f"wordle_rl.{folder}"
    link = ROOT / "wordle_rl" / folder
    if not os.path.lexists(link):
        pytest.skip("no links in this copy: only the type checkers need them")
    assert link.is_symlink()
    assert link.readlink() == Path("..") / folder
    assert link.samefile(ROOT / folder)


@pytest.mark.parametrize("name", sorted(FOLDER_OF))
def test_package_imports_from_its_folder(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__file__ is not None
    assert Path(module.__file__).samefile(ROOT / FOLDER_OF[name] / "__init__.py")


@pytest.mark.parametrize("name", sorted(FOLDER_OF))
def test_every_data_file_is_shipped(name: str) -> None:
    folder = ROOT / FOLDER_OF[name]
    found = {
        file.relative_to(folder)
        for parent in [folder, *(f for f in source_folders() if folder in f.parents)]
        for file in parent.iterdir()
        if file.is_file() and file.suffix not in {".py", ".pyc"}
    }
    patterns = SETUPTOOLS["package-data"].get(name, [])
    shipped = {
        file.relative_to(folder)
        for pattern in patterns
        for file in folder.glob(pattern)
        if file.is_file()
    }
    assert found - shipped == set(), "name them in [tool.setuptools.package-data]"


def test_nothing_is_imported_by_its_bare_name() -> None:
    bare = {folder for folder in FOLDER_OF.values() if folder != "wordle_rl"}
    offenders = [
        f"{file.relative_to(ROOT)}:{line}: {module}"
        for folder in source_folders()
        for file in folder.glob("*.py")
        for line, module in _imports(file)
        if module.partition(".")[0] in bare
    ]
    assert offenders == []


def _imports(file: Path) -> Iterator[tuple[int, str]]:
    """Line and module of every absolute import in a file."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"), filename=str(file))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.lineno, node.module
