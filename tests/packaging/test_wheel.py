"""The content of the wheel, and that the suite runs on it."""

from __future__ import annotations

import os
import sysconfig
from importlib import metadata
from pathlib import Path

import pytest

import baserun

REPOSITORY = Path(__file__).parents[2]
ROOTS = ("baserun_core", "integrations", "example_apps/starlette_chat")

in_tox = pytest.mark.skipif("TOX_ENV_NAME" not in os.environ, reason="only tox installs the wheel")


def top_level_packages() -> list[Path]:
    return [file.parent for root in ROOTS for file in sorted((REPOSITORY / root).glob("*/__init__.py"))]


def sources() -> set[str]:
    """Return every file of the packages, by its path in the wheel."""
    return {
        file.relative_to(REPOSITORY / root).as_posix()
        for root in ROOTS
        for package in top_level_packages()
        if package.parent == REPOSITORY / root
        for file in package.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts and not file.name.startswith(".")
    }


@in_tox
def test_runs_on_the_wheel() -> None:
    """Under tox the suite imports the installed package, not the source tree."""
    site_packages = Path(sysconfig.get_path("purelib")).resolve()

    assert Path(str(baserun.__file__)).resolve().is_relative_to(site_packages)


@in_tox
def test_wheel_holds_every_source_file() -> None:
    """Every file of the packages is in the wheel."""
    installed = {str(file) for file in metadata.files("baserun") or []}

    missing = sources() - installed

    assert missing == set()


@in_tox
def test_wheel_holds_nothing_else() -> None:
    """The wheel contains only its packages and metadata: no tests and no caches."""
    installed = {file.parts[0] for file in metadata.files("baserun") or [] if file.parts[0] != ".."}

    expected = {package.name for package in top_level_packages()} | {f"baserun-{metadata.version('baserun')}.dist-info"}

    assert installed == expected


@pytest.mark.parametrize("package", top_level_packages(), ids=lambda package: package.name)
def test_packages_are_typed(package: Path) -> None:
    """Each top-level package has a `py.typed` marker."""
    assert (package / "py.typed").is_file()


def test_version_is_that_of_the_metadata() -> None:
    """`baserun.__version__` is the version of the installed distribution."""
    assert baserun.__version__ == metadata.version("baserun")
