"""System checks: what is wrong with the settings, before anybody wonders where the sessions are.

baserun.E001  the setting BASERUN cannot be used
baserun.W001  the middleware is not listed
baserun.W002  AuthenticationMiddleware is missing or comes after ours
baserun.W003  the middleware is listed more than once
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as Caution
from django.utils.module_loading import import_string

from baserun._config import resolve
from baserun.web import SessionPolicy
from baserun_django._middleware import BaserunMiddleware
from baserun_django._settings import NAME, options_of

AUTHENTICATION = "django.contrib.auth.middleware.AuthenticationMiddleware"


def check_settings(app_configs: Sequence[Any] | None = None, **_: Any) -> list[CheckMessage]:
    """Look at ``BASERUN`` and ``MIDDLEWARE``."""
    return [*_check_options(), *_check_order()]


def _check_options() -> list[CheckMessage]:
    try:
        web, process = options_of(getattr(settings, NAME, None))
        SessionPolicy("a secret", **web)
        resolve(process, {})
    except (TypeError, ValueError, ImportError) as error:
        return [Error(f"The setting {NAME} cannot be used: {error}.", hint="See docs/django.md.", id="baserun.E001")]
    return []


def _check_order() -> list[CheckMessage]:
    listed = [_loaded(path) for path in settings.MIDDLEWARE]
    ours = [place for place, found in enumerate(listed) if _is_ours(found)]
    if not ours:
        hint = "Add 'baserun_django.BaserunMiddleware' to MIDDLEWARE, below AuthenticationMiddleware."
        return [Caution("BaserunMiddleware is not in MIDDLEWARE.", hint=hint, id="baserun.W001")]
    problems: list[CheckMessage] = []
    if len(ours) > 1:
        problems.append(Caution("BaserunMiddleware is listed more than once.", hint="Keep one.", id="baserun.W003"))
    if AUTHENTICATION not in settings.MIDDLEWARE[: ours[0]]:
        hint = f"Put '{AUTHENTICATION}' above it, or set BASERUN['get_user'] if users come from elsewhere."
        web = getattr(settings, NAME, None) or {}
        if not any(str(name).lower() == "get_user" for name in web):
            message = "BaserunMiddleware comes before AuthenticationMiddleware, so it knows no users."
            problems.append(Caution(message, hint=hint, id="baserun.W002"))
    return problems


def _loaded(path: str) -> Any:
    try:
        return import_string(path)
    except ImportError:  # Django itself complains about it
        return None


def _is_ours(found: Any) -> bool:
    return isinstance(found, type) and issubclass(found, BaserunMiddleware)
