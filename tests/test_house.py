"""The tree of services/vimesh can be read: small folders, names of modules that say one thing each, tests to match."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from vimesh.store.dialects.registry import DIALECTS

_SERVICES = Path(__file__).parents[1] / "services/vimesh"
_TESTS = Path(__file__).parent
_MODULES_IN_A_FOLDER = 14
_PARTICIPLES = frozenset({
    *("begun", "believed", "done", "found", "given", "gone", "heard", "held", "kept", "known", "laned"),
    *("looked", "made", "meant", "moved", "read", "said", "seen", "sent", "settled", "shown", "taken", "told"),
    *("wanted", "written"),
})  # fmt: skip
"""What happened to a thing does not say what it is."""
_VERBS = frozenset({"read"})
"""They are participles, too, but for what follows them: `read_files`."""
_CONTRACT_TERMS = frozenset({"wanted_actions", "unwanted_actions"})
"""A wanted action is what the contract calls one."""


def modules() -> Iterator[Path]:
    for path in _SERVICES.rglob("*.py"):
        inside = path.relative_to(_SERVICES)
        if not path.name.startswith("__") and "migrations" not in inside.parts:
            yield inside


def test_a_folder_holds_what_one_can_survey() -> None:
    large = {
        folder: count
        for folder, count in Counter(module.parent for module in modules()).items()
        if count > _MODULES_IN_A_FOLDER
    }

    assert not large


def test_a_folder_says_what_it_holds() -> None:
    rooms = {folder for module in modules() for folder in module.parents if folder.name}
    silent = {room for room in rooms if not (_SERVICES / room / "__init__.py").read_text().startswith('"""')}

    assert not silent


def test_a_name_is_that_of_one_module() -> None:
    names = Counter(module.stem for module in modules())
    twice = {name for name, count in names.items() if count > 1}

    assert not twice


def test_a_class_name_has_one_meaning() -> None:
    names = Counter(
        statement.name
        for module in modules()
        for statement in ast.parse((_SERVICES / module).read_text()).body
        if isinstance(statement, ast.ClassDef) and not statement.name.startswith("_")
    )
    twice = {name for name, count in names.items() if count > 1}

    assert not twice


def test_only_dialects_know_a_database_by_its_name() -> None:
    store = _SERVICES / "store"
    names = {name for dialect in DIALECTS for name in (*dialect.schemes, *dialect.sqlalchemy_names)}
    folders = {f"vimesh.store.dialects.{folder.name}" for folder in (store / "dialects").glob("*/")}
    knowing = {
        str(path.relative_to(store))
        for path in store.rglob("*.py")
        if not path.is_relative_to(store / "dialects")
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.Constant) and node.value in names)
        or (isinstance(node, ast.ImportFrom) and (node.module or "").rpartition(".")[0] in folders)
    }

    assert names > {"sqlite", "postgresql", "mysql"}
    assert not knowing


def test_no_module_is_called_by_what_happened_to_it() -> None:
    odd = {
        module.stem
        for module in modules()
        if module.stem not in _CONTRACT_TERMS
        for place, word in enumerate(module.stem.split("_"))
        if word in _PARTICIPLES and not (word in _VERBS and place == 0)
    }

    assert not odd


def mirrored_tests() -> Iterator[Path]:
    packages = {path.name for path in _SERVICES.iterdir() if path.is_dir()}
    for path in _TESTS.rglob("test_*.py"):
        inside = path.relative_to(_TESTS)
        if inside.parts[0] in packages:
            yield inside


def test_tests_are_in_the_folder_of_their_subject() -> None:
    elsewhere = {folder for folder in {test.parent for test in mirrored_tests()} if not (_SERVICES / folder).is_dir()}

    assert not elsewhere


def test_a_folder_of_tests_can_be_surveyed() -> None:
    large = {
        folder: count
        for folder, count in Counter(test.parent for test in mirrored_tests()).items()
        if count > _MODULES_IN_A_FOLDER
    }

    assert not large
