"""``manage.py baserun ...``: the command line ``baserun``, with the options of the settings, their store first."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from baserun_django._settings import read_options


class Command(BaseCommand):
    """Hands everything on to the command line."""

    help = "Read the sessions and users that Baserun recorded; the same as the command line `baserun`."
    requires_system_checks: list[str] = []  # noqa: RUF012  # Django's own spelling

    def run_from_argv(self, argv: list[str]) -> None:
        from baserun.cli import main

        main(argv[2:], options=read_options().process, program="manage.py baserun")

    def handle(self, *args: Any, **options: Any) -> None:
        from baserun.cli import main

        main([str(part) for part in args], options=read_options().process, program="manage.py baserun")
