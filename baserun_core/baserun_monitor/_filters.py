"""Filters as query parameters, and their conversion to the store's filters."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from baserun._identity import possible_identifiers
from baserun.exceptions import ConfigurationError
from baserun.store import Store

PERIODS = {"1h": ("last hour", 3600), "24h": ("last 24 h", 86_400), "7d": ("last 7 days", 604_800),
           "30d": ("last 30 days", 2_592_000), "90d": ("last 90 days", 7_776_000)}  # fmt: skip
"""The periods to choose from, with label and length in seconds."""

OF_USERS = ("user", "feedback", "min_errors", "min_cost", "min_tokens", "period", "since", "until")
OF_SESSIONS = ("text", "user", "status", "feedback", "model", "kind", "tag", "min_errors", "min_cost", "min_tokens",
               "min_duration", "period", "since", "until")  # fmt: skip
OF_TRACES = (*OF_SESSIONS, "session")
PAGING = ("sort", "after")

_NUMBERS = {"min_cost": float, "min_tokens": int, "min_errors": int, "min_duration": float}
_PERIOD = re.compile(r"(\d{1,5})([mhdw])")
LONGEST_PERIOD = 36_525 * 86_400
"""Seconds: a century, which can be subtracted from any current time."""
_UNITS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def of_address(params: Mapping[str, str], names: tuple[str, ...], now: datetime) -> dict[str, Any]:
    """Return the filters of a list as its store method takes them.

    Raises:
        ConfigurationError: One of them cannot be used.
    """
    given = {name: params[name].strip() for name in (*names, *PAGING) if params.get(name, "").strip()}
    period = given.pop("period", None)
    if period is not None and period != "all":
        began = now - timedelta(seconds=period_seconds(period, ("30m", "24h", "7d", "4w", "all")))
        given["since"] = max(began, moment("since", given["since"]) if "since" in given else began).isoformat()
    return {name: _converted(name, value) for name, value in given.items()}


def shown(params: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    """Return the filters that are set, as in the query."""
    return {name: params[name].strip() for name in names if params.get(name, "").strip() and params[name] != "all"}


def period_seconds(text: str, examples: Sequence[str] = ("30m", "24h", "7d", "4w")) -> int:
    """Return the length of a period such as ``24h`` or ``90m``, in seconds; `examples` are for the error.

    Raises:
        ConfigurationError: It is not a period, or longer than `LONGEST_PERIOD`.
    """
    found = _PERIOD.fullmatch(text)
    seconds = int(found[1]) * _UNITS[found[2]] if found is not None else 0
    if not 0 < seconds <= LONGEST_PERIOD:
        raise ConfigurationError(
            f"period={text!r} is not possible. Write {', '.join(examples[:-1])} or {examples[-1]}."
        )
    return seconds


def moment(name: str, text: str) -> datetime:
    """Parse a time such as ``2026-05-31T12:00``; without a time zone it is UTC.

    Raises:
        ConfigurationError: It is not a time.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        message = f"{name}={text!r} is not a time. Write one such as 2026-05-31 or 2026-05-31T12:00Z."
        raise ConfigurationError(message) from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def stored_user(store: Store, typed: str, user_key: str | None) -> str:
    """Return the stored identifier of a typed user; an e-mail address is looked up by its hash."""
    names = possible_identifiers(typed, user_key)
    return next((name for name in names if store.user(name) is not None), names[0])


def _converted(name: str, text: str) -> Any:
    if name in ("since", "until"):
        return moment(name, text)
    convert = _NUMBERS.get(name)
    if convert is None:
        return text
    try:
        return convert(text)
    except ValueError:
        raise ConfigurationError(f"{name}={text!r} is not a number. Write one such as 10 or 0.5.") from None
