"""Django system checks of the settings ``BASERUN``, ``MIDDLEWARE`` and the secret keys.

baserun.E001  the setting BASERUN cannot be used
baserun.W001  the middleware is not listed
baserun.W002  AuthenticationMiddleware is missing or comes after ours
baserun.W003  the middleware is listed more than once
baserun.W004  there is no secret that every machine has, or one of the fallbacks is empty
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as Caution
from django.utils.module_loading import import_string

from baserun._config import resolve
from baserun.web._options import check_options
from baserun_django._middleware import BaserunMiddleware
from baserun_django._settings import NAME, read_options, secrets_of_settings

AUTHENTICATION = "django.contrib.auth.middleware.AuthenticationMiddleware"


def check_settings(app_configs: Sequence[Any] | None = None, **_: Any) -> list[CheckMessage]:
    """Check ``BASERUN``, ``MIDDLEWARE`` and the secret keys."""
    return [*_check_options(), *_check_order(), *_check_secrets()]


def _check_options() -> list[CheckMessage]:
    try:
        options = read_options()
        check_options(options.web)
        resolve(options.process, {})
    except (TypeError, ValueError) as error:
        return [
            Error(f"The setting {NAME} cannot be used.", hint=f"{error}".removesuffix(".") + ".", id="baserun.E001")
        ]
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
    if not any(_authenticates(found) for found in listed[: ours[0]]) and not _has_get_user():
        is_below = any(_authenticates(found) for found in listed)
        message = (
            f"BaserunMiddleware knows no users: {'it comes before' if is_below else 'there is no'} {AUTHENTICATION}."
        )
        hint = f"Put '{AUTHENTICATION}' above it, or set {NAME}['get_user'] if users come from elsewhere."
        problems.append(Caution(message, hint=hint, id="baserun.W002"))
    return problems


def _check_secrets() -> list[CheckMessage]:
    problems: list[CheckMessage] = []
    if not secrets_of_settings():
        hint = "Set SECRET_KEY to the same on every machine; until then a secret of this machine's signs the cookies."
        problems.append(Caution("There is no SECRET_KEY to sign sessions with.", hint=hint, id="baserun.W004"))
    if not all(settings.SECRET_KEY_FALLBACKS):
        hint = "Take it out; it is ignored here, and Django itself would take it for a key."
        problems.append(Caution("SECRET_KEY_FALLBACKS has an empty entry.", hint=hint, id="baserun.W004"))
    return problems


def _loaded(path: str) -> Any:
    try:
        return import_string(path)
    except ImportError:  # Django itself reports it
        return None


def _authenticates(found: Any) -> bool:
    # By name: where django.contrib.auth is not installed its middleware cannot be imported.
    return any(f"{kind.__module__}.{kind.__qualname__}" == AUTHENTICATION for kind in getattr(found, "__mro__", ()))


def _has_get_user() -> bool:
    with suppress(TypeError, ValueError):  # reported by `_check_options`
        return "get_user" in read_options().web
    return False


def _is_ours(found: Any) -> bool:
    return isinstance(found, type) and issubclass(found, BaserunMiddleware)
