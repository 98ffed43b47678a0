"""The packages that some commands need beyond those of the command line itself."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec

from baserun._extras import not_installed
from baserun.cli._groups import Problem


def require_extra(extra: str, who_needs: str, packages: Iterable[str]) -> None:
    """Raise `Problem`, with what to install, if a package of `extra` is missing; `who_needs` begins its sentence."""
    for package in packages:
        if find_spec(package) is None:
            raise Problem(not_installed(who_needs, package, extra))
