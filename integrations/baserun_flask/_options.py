"""The options from ``app.config`` and from the call."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from baserun.exceptions import ConfigurationError
from baserun.web import OPTION_NAMES

PREFIX = "BASERUN_"


def options_from(config: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of the middleware, such as `cookie` from ``app.config["BASERUN_COOKIE"]``; `given` wins.

    Raises:
        ConfigurationError: A ``BASERUN_`` key of ``app.config`` is not an option of the middleware.
    """
    found = {}
    for key, value in config.items():
        if not key.startswith(PREFIX):
            continue
        name = key[len(PREFIX) :].lower()
        if name in OPTION_NAMES:
            found[name] = value
        elif os.environ.get(key) != value:  # some applications copy the whole environment into their config
            raise ConfigurationError(
                f"app.config[{key!r}] is no option of the middleware, which are {', '.join(sorted(OPTION_NAMES))}; "
                "for an option of the whole process call baserun.init() or set the environment variable"
            )
    return {**found, **given}
