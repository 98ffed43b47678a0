"""``manage.py baserun ...``: the command line ``baserun``, on the store of the project's settings."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """Hands everything on to the command line."""

    help = "Read the sessions and users that Baserun recorded; the same as the command line `baserun`."
    requires_system_checks: list[str] = []  # noqa: RUF012  # Django's own spelling

    def run_from_argv(self, argv: list[str]) -> None:
        from baserun.cli import main

        main(argv[2:], default_store=_store_of_settings(), program="manage.py baserun")

    def handle(self, *args: Any, **options: Any) -> None:
        from baserun.cli import main

        main([str(part) for part in args], default_store=_store_of_settings(), program="manage.py baserun")


def _store_of_settings() -> str | None:
    from django.conf import settings

    from baserun_django._settings import NAME, options_of

    store = options_of(getattr(settings, NAME, None))[1].get("store")
    return None if store is None else str(store)
