"""The whole public API is documented, and all links are valid."""

from __future__ import annotations

import importlib
import pydoc
import re
from pathlib import Path

import pytest

import baserun
from baserun import exceptions, signals, store, testing
from baserun._config import OPTIONS
from baserun.store.results import Result
from baserun.web import OptionArguments

REPOSITORY = Path(__file__).parents[2]
DOCS = REPOSITORY / "docs"
PAGES = [*sorted(DOCS.glob("*.md")), *sorted(REPOSITORY.glob("*.md"))]

REFERENCE = (DOCS / "api.md").read_text()
ERRORS = [name for name, value in vars(exceptions).items() if isinstance(value, type)]
SIGNALS = [name for name, value in vars(signals).items() if value in signals.ALL]


def starts_a_row(name: str, text: str) -> bool:
    """Return whether `text` has a table row about `name`."""
    return re.search(rf"^\|[^|]*`(?:baserun\.\w+\.)?{re.escape(name)}\b", text, re.MULTILINE) is not None


@pytest.mark.parametrize("name", [*baserun.__all__, *ERRORS])
def test_public_name_is_in_the_reference(name: str) -> None:
    """Every public name and error is in the reference."""
    assert starts_a_row(name, REFERENCE) or f"`{name}`" in REFERENCE


MODULES = ("baserun", "baserun.web", "baserun.testing", "baserun.store", "baserun.signals", "baserun.instrumentation")


@pytest.mark.parametrize("module", MODULES)
def test_help_is_given(module: str) -> None:
    """`help` of a module works and shows all its public names: every annotation can be resolved."""
    imported = importlib.import_module(module)

    text = pydoc.plain(pydoc.render_doc(imported))

    assert all(name in text for name in getattr(imported, "__all__", ()))


@pytest.mark.parametrize("option", OPTIONS)
def test_option_is_in_the_reference(option: str) -> None:
    """Every option has a row in the reference."""
    assert starts_a_row(option, REFERENCE)


def test_reference_has_no_other_options() -> None:
    """The reference has the options in their order, and no others."""
    table = REFERENCE.partition("## Options")[2].partition("## Errors")[0]

    assert re.findall(r"^\| `(\w+)`", table, re.MULTILINE) == list(OPTIONS)


def test_fields_of_a_store_are_in_the_reference() -> None:
    """Every type of result of a store has a row with exactly its fields."""
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", section("What a store returns"), re.MULTILINE)
    named = {name: set(re.findall(r"`(\w+)`", fields)) for name, fields in rows}

    assert set(named) == {name for name in store.__all__ if is_given(getattr(store, name))}
    for name, fields in named.items():
        kind = getattr(store, name)
        inherited = set(store.StoredSpan.__struct_fields__) if name == "StoredCall" else set()
        assert fields == set(kind.__struct_fields__) - inherited


def is_given(value: object) -> bool:
    """Return whether `value` is a type of result of a store."""
    return isinstance(value, type) and issubclass(value, Result | store.Page)


@pytest.mark.parametrize("method", [name for name in vars(store.Store) if not name.startswith("_")])
def test_method_of_a_store_is_documented(method: str) -> None:
    """Every method of a store is in docs/storage.md or docs/privacy.md."""
    pages = [(DOCS / page).read_text() for page in ("storage.md", "privacy.md")]

    assert any(re.search(rf"`(?:[\w.]+\.)?{method}\b|\.{method}\(", page) for page in pages)


def section(heading: str) -> str:
    """Return a section of the reference."""
    return REFERENCE.partition(f"## {heading}\n")[2].partition("\n## ")[0]


def test_options_of_the_web_are_documented_once() -> None:
    """docs/web.md has each option of the middleware in exactly one row, and no others."""
    table = (DOCS / "web.md").read_text().partition("## Options")[2].partition("## ")[0]
    rows = [row.partition("|")[0] for row in re.findall(r"^\| (`.*)$", table, re.MULTILINE)]

    assert sorted(name for row in rows for name in re.findall(r"`(\w+)`", row)) == sorted(
        OptionArguments.__annotations__
    )


@pytest.mark.parametrize("name", SIGNALS)
def test_signal_is_documented(name: str) -> None:
    """Every signal has a row in docs/signals.md."""
    assert starts_a_row(name, (DOCS / "signals.md").read_text())


@pytest.mark.parametrize("name", testing.__all__)
def test_testing_helper_is_documented(name: str) -> None:
    """Every helper in `baserun.testing` is in docs/testing.md."""
    assert re.search(rf"\b{name}\b", (DOCS / "testing.md").read_text())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Every link to a file or heading of this repository is valid."""
    broken = []
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", page.read_text()):
        path, _, heading = target.partition("#")
        file = page.parent / path if path else page
        if not file.exists() or (heading and heading not in headings(file)):
            broken.append(target)

    assert broken == []


def headings(page: Path) -> set[str]:
    """Return the anchors of a page."""
    found = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in found}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_names_no_machine(page: Path) -> None:
    """No page names a folder of its author's machine."""
    assert re.findall(r"(?:/home/|/root\b|/work\b|/Users/)\S*", page.read_text()) == []


def test_ci_runs_the_command_of_the_readme() -> None:
    """The command that the README gives for the tests is the one that CI runs."""
    commands = re.findall(r"```console\n(.+?)\n```", (REPOSITORY / "README.md").read_text(), re.DOTALL)

    script = (REPOSITORY / ".ci" / "run").read_text().splitlines()

    assert [command for command in commands if command in script] == [
        "python3 -m venv .venv && .venv/bin/pip install tox && .venv/bin/tox"
    ]
