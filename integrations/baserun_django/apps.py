"""The Django application, for ``INSTALLED_APPS``."""

from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import register


class BaserunConfig(AppConfig):
    """Registers the system checks, and configures the process, because background workers load no middleware."""

    name = "baserun_django"
    verbose_name = "Baserun"

    def ready(self) -> None:
        from baserun_django._checks import check_settings
        from baserun_django._settings import configure_process, read_options

        register(check_settings)
        try:
            configure_process(read_options().process)
        except (TypeError, ValueError, ImportError):
            return  # the system check reports it, where Django's users look
