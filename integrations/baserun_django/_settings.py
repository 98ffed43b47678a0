"""The setting ``BASERUN``: options of the middleware, and of the process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

import baserun
from baserun._arguments import check_names
from baserun._config import OPTIONS
from baserun.exceptions import ConfigurationError
from baserun.web import OPTION_NAMES, SessionPolicy

NAME = "BASERUN"

_policy: tuple[object, SessionPolicy] | None = None
_process: dict[str, Any] = {}


class Options(NamedTuple):
    """The options in the setting."""

    web: dict[str, Any]
    """Those of the middleware."""
    process: dict[str, Any]
    """Those of `baserun.init`."""


def current_policy() -> SessionPolicy:
    """Return the policy for the current settings; they are read again when a test overrides them."""
    global _policy
    given = getattr(settings, NAME, None)
    known = _policy
    if known is None or known[0] is not given:
        known = _policy = (given, SessionPolicy(secrets_of_settings, **web_options()))
    return known[1]


def read_options() -> Options:
    """Read the setting.

    Raises:
        ConfigurationError: It is not a dict, has a key that is not an option, or a `get_user` that cannot be imported.
    """
    given = getattr(settings, NAME, None)
    if given is None:
        return Options({}, {})
    if not isinstance(given, Mapping):
        raise ConfigurationError(
            f"the setting {NAME} must be a dict such as {{'excluded': ['/health']}}, not {given!r}"
        )
    options = {str(name).lower(): value for name, value in given.items()}
    if isinstance(options.get("get_user"), str):
        options["get_user"] = _imported(options["get_user"])
    check_names(options, (*OPTION_NAMES, *OPTIONS), f"the setting {NAME} has no option", ConfigurationError)
    web = {name: value for name, value in options.items() if name in OPTION_NAMES}
    return Options(web, {name: value for name, value in options.items() if name in OPTIONS})


def _imported(path: str) -> Any:
    try:
        return import_string(path)
    except ImportError as error:
        raise ConfigurationError(
            f"get_user must be a function or its path, such as 'project.users.get_user'; {path!r} cannot be imported: "
            f"{error}"
        ) from error


def web_options() -> dict[str, Any]:
    """Return the options of the middleware, and apply those of the process.

    Raises:
        ConfigurationError: The setting or one of its options cannot be used.
    """
    options = read_options()
    configure_process(options.process)
    return options.web


def configure_process(options: dict[str, Any]) -> None:
    """Call `baserun.init` with the options of the process, unless they are the same as in the last call.

    Raises:
        ConfigurationError: An option cannot be used.
    """
    if options and options != _process:
        baserun.init(**options)
        _process.clear()
        _process.update(options)


def secrets_of_settings() -> Sequence[str | bytes]:
    """Return Django's own keys, the newest first; empty if Django raises because there is none."""
    with suppress(ImproperlyConfigured):
        return [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return []
