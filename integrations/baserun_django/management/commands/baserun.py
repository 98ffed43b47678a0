"""``manage.py baserun ...``: the command line ``baserun``, with the options of the settings, their store first."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """Hands everything on to the command line."""

    help = "Read the sessions and users that Baserun recorded; the same as the command line `baserun`."
    requires_system_checks: list[str] = []  # noqa: RUF012  # Django's own spelling

    def run_from_argv(self, argv: list[str]) -> None:
        from baserun.cli import main

        main(argv[2:], options=_options_of_settings(), program="manage.py baserun")

    def handle(self, *args: Any, **options: Any) -> None:
        from baserun.cli import main

        main([str(part) for part in args], options=_options_of_settings(), program="manage.py baserun")


def _options_of_settings() -> dict[str, Any]:
    from django.conf import settings

    from baserun_django._settings import NAME, options_of

    return options_of(getattr(settings, NAME, None))[1]
