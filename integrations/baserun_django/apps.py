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
        from baserun_django._settings import NAME, configure_process, options_of

        register(check_settings)
        from django.conf import settings

        try:
            configure_process(options_of(getattr(settings, NAME, None))[1])
        except (TypeError, ValueError, ImportError):
            return  # the system check reports it, where Django's users look
