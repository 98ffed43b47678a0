"""Filters as query parameters, and their conversion to the store's filters."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from baserun._identity import possible_identifiers
from baserun.exceptions import ConfigurationError
from baserun.store import Store
from baserun_monitor import _periods

OF_USERS = ("user", "feedback", "min_errors", "min_cost", "min_tokens", "period", "since", "until")
OF_SESSIONS = ("text", "user", "status", "feedback", "model", "kind", "tag", "min_errors", "min_cost", "min_tokens",
               "min_duration", "period", "since", "until")  # fmt: skip
OF_TRACES = (*OF_SESSIONS, "session")
PAGING = ("sort", "after")

_NUMBERS = {"min_cost": float, "min_tokens": int, "min_errors": int, "min_duration": float}


def of_address(params: Mapping[str, str], names: tuple[str, ...], now: datetime) -> dict[str, Any]:
    """Return the filters of a list as its store method takes them.

    Raises:
        ConfigurationError: One of them cannot be used.
    """
    given = {name: params[name].strip() for name in (*names, *PAGING) if params.get(name, "").strip()}
    period = given.pop("period", None)
    if period is not None and period != "all":
        began = now - timedelta(seconds=_periods.seconds(period, ("30m", "24h", "7d", "4w", "all")))
        given["since"] = max(began, moment("since", given["since"]) if "since" in given else began).isoformat()
    return {name: _converted(name, value) for name, value in given.items()}


def shown(params: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    """Return the filters that are set, as in the query."""
    given = {name: params[name].strip() for name in names if params.get(name, "").strip()}
    return {name: value for name, value in given.items() if (name, value) != ("period", "all")}


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
