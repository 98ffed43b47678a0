"""The pattern of the route that a request was matched to."""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping
from typing import Any


def route_of(scope: MutableMapping[str, Any]) -> str | None:
    """Such as ``/chat/{conversation_id}``, with the prefix of whatever it is mounted under; None where none matched."""
    route = scope.get("route")  # set by FastAPI, and by Starlette from 1.7 on
    path = getattr(route, "path_format", None) or getattr(route, "path", None)
    endpoint = scope.get("endpoint")
    router = getattr(scope.get("app"), "router", None)
    if endpoint is not None and router is not None:
        found = _find(getattr(router, "routes", ()), route, endpoint, "")
        if found is not None:
            return found
    return path if isinstance(path, str) else None


def _find(routes: Iterable[Any], wanted: Any, endpoint: Any, prefix: str) -> str | None:
    for route in routes:
        path = getattr(route, "path_format", None) or getattr(route, "path", None) or ""
        nested = getattr(route, "routes", None)
        if nested:
            found = _find(nested, wanted, endpoint, prefix + path.removesuffix("/{path}"))
            if found is not None:
                return found
        elif route is wanted or (wanted is None and getattr(route, "endpoint", None) is endpoint):
            return f"{prefix}{path}"
    return None
