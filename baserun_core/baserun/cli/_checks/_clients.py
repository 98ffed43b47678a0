"""Checks of the installed LLM clients, their integrations and the price list."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from baserun._instrument import CLIENTS
from baserun.cli._checks._check import NOTE, OK, PROBLEM, Check

AREA = "clients"


def examine() -> Iterator[Check]:
    """Check each client that Baserun supports, as installed in this environment."""
    yield Check(AREA, "python", OK, f"{sys.version.split()[0]}, baserun {_version('baserun')}")
    for client, integration in CLIENTS.items():
        yield _client(client, integration)
    if find_spec("genai_prices") is None:
        yield Check(
            AREA, "prices", NOTE, 'genai-prices is not installed, so costs are unknown; the extra "openai" has it'
        )
    else:
        yield Check(AREA, "prices", OK, f"genai-prices {_version('genai-prices')}")


def versions() -> dict[str, str | None]:
    """Return the versions of the clients; None for one that is not installed."""
    return {client: _version(client) if find_spec(client) else None for client in CLIENTS}


def _client(client: str, integration: str) -> Check:
    if find_spec(client) is None:
        return Check(AREA, client, NOTE, "not installed in this environment")
    if find_spec(integration) is None:
        return Check(
            AREA, client, PROBLEM, f"{client} {_version(client)} is here, but {integration} is not: reinstall baserun"
        )
    return Check(AREA, client, OK, f"{_version(client)}, recorded by {integration}")


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "of unknown version"
