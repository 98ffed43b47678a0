"""The imports at the top level of the core's modules."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import baserun

PACKAGE = Path(str(baserun.__file__)).parent
ALLOWED = {"baserun", "blinker", "itsdangerous", "msgspec"} | set(sys.stdlib_module_names)
MODULES = sorted(file for file in PACKAGE.rglob("*.py") if "cli" not in file.relative_to(PACKAGE).parts)


def module_level_imports(body: list[ast.stmt]) -> Iterator[tuple[int, str]]:
    """Iterate over level and name of the imports that run with the module; not in functions or for type checkers."""
    for statement in body:
        if isinstance(statement, ast.Import):
            yield from ((0, alias.name) for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom):
            yield statement.level, statement.module or ""
        elif isinstance(statement, ast.Try | ast.With | ast.ClassDef):
            yield from module_level_imports(statement.body)
        elif isinstance(statement, ast.If) and "TYPE_CHECKING" not in ast.unparse(statement.test):
            yield from module_level_imports(statement.body + statement.orelse)


def offenders(is_wrong: Callable[[int, str], bool]) -> list[str]:
    return [
        f"{module.relative_to(PACKAGE).as_posix()}: {name}"
        for module in MODULES
        for level, name in module_level_imports(ast.parse(module.read_bytes()).body)
        if is_wrong(level, name)
    ]


def test_imports_only_what_every_installation_has() -> None:
    """No module of the core imports a framework or an extra at its top level."""
    assert offenders(lambda _, name: name.partition(".")[0] not in ALLOWED) == []


def test_imports_are_absolute() -> None:
    """No import is relative: a module with two names would have two copies of its context variables."""
    assert offenders(lambda level, _: level > 0) == []
