"""``baserun doctor``"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import click

from baserun._config import Config, Sources
from baserun.cli._checks import _clients, _files, _settings, _store
from baserun.cli._checks._check import NOTE, OK, PROBLEM, WARNING, Check
from baserun.cli._options import json_option
from baserun.cli._output import Output, write_json
from baserun.cli._render._lines import BAD, GOOD, QUIET, STRONG, WARN, Line, line
from baserun.cli._stores import configuration, store_url_option
from baserun.store import StoreInfo, StoreLocation, open_store
from baserun.wording.amounts import plural
from baserun.wording.text import one_line

_SIGNS = {OK: ("✓", GOOD), NOTE: ("·", QUIET), WARNING: ("!", WARN), PROBLEM: ("✗", BAD)}
_NAME_WIDTH = 18


class Examination:
    """The results of all checks."""

    def __init__(self, config: Config, sources: Sources) -> None:
        assert isinstance(config.store, StoreLocation)
        self.location = config.store
        self.settings = _settings.settings(config, sources)
        self.info: StoreInfo | None = None
        self.ledger: dict[str, dict[str, int]] = {}
        self.bytes_a_day: float | None = None
        self.checks = [*self._store(), *_clients.examine(), *_settings.examine(config, sources)]

    @property
    def problems(self) -> list[Check]:
        """The checks that found a problem, which needs action."""
        return [check for check in self.checks if check.status == PROBLEM]

    def to_dict(self) -> dict[str, Any]:
        """Return the results as JSON-ready builtins."""
        return {
            "ok": not self.problems,
            "store": None if self.info is None else {**self.info.to_dict(), "growth_bytes_per_day": self.bytes_a_day},
            "ledger": self.ledger,
            "clients": _clients.versions(),
            "configuration": self.settings,
            "checks": [check.to_dict() for check in self.checks],
        }

    def _store(self) -> list[Check]:
        if self.location.is_temporary or not os.path.exists(self.location.path):
            return [_store.missing(self.location)]
        store = open_store(self.location)
        try:
            self.info, self.ledger, self.bytes_a_day, checks = _store.examine(store)
        finally:
            store.close()
        return [*checks, *_files.examine(self.location)]


@click.command(short_help="Look for what is wrong.")
@json_option
@store_url_option
@click.pass_context
def doctor(ctx: click.Context, store_url: str | None, as_json: bool) -> None:
    """Look for what is wrong with the store, the environment and the installation.

    Exits with 1 if there is a problem to solve. The configuration is that of an application started here, whose
    arguments to init() take precedence.
    """
    examination = Examination(*configuration(store_url))
    if as_json:
        write_json(examination.to_dict())
    else:
        _tell(examination)
    ctx.exit(1 if examination.problems else 0)


def _tell(examination: Examination) -> None:
    output = Output()
    if output.view.is_terminal:
        output.lines(_lines(examination))
        return
    for check in examination.checks:
        click.echo("\t".join((check.status, check.area, check.name, one_line(check.message))))


def _lines(examination: Examination) -> Iterator[Line]:
    area = ""
    for check in examination.checks:
        if check.area != area:
            yield line((f"{check.area}", STRONG))
            area = check.area
        sign, style = _SIGNS[check.status]
        yield line(
            (f"{sign} ", style),
            (f"{check.name:<{_NAME_WIDTH}}", QUIET),
            one_line(check.message),
            indent=2,
            label=2 + _NAME_WIDTH,
        )
    yield line("")
    problems = len(examination.problems)
    yield line((f"{plural(problems, 'problem')} to solve", BAD)) if problems else line(("nothing is wrong", GOOD))
