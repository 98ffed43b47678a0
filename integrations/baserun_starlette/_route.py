"""The pattern of the route that a request was matched to."""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping
from typing import Any


def route_of(scope: MutableMapping[str, Any], root_path: str) -> str | None:
    """Such as ``/chat/{conversation_id}``, with what it is mounted under; None where no route matched.

    Args:
        scope: Of the request, after routing: Starlette writes into it what it finds.
        root_path: Where the application itself is, by the server; what was added since are mounts.
    """
    mounts: str = scope.get("root_path", "")
    matched = scope.get("route")  # set by FastAPI, and by Starlette from 1.7 on
    if hasattr(matched, "routes"):
        return None  # so far only the mount below which the route may still be found
    path = _path_of(_as_included(scope, matched))
    if path is None:
        router = getattr(scope.get("app"), "router", None)
        below_mounts = str(scope.get("path", "")).removeprefix(mounts)
        path = _find(getattr(router, "routes", ()), scope.get("endpoint"), below_mounts)
    return None if path is None else mounts.removeprefix(root_path) + path


def _as_included(scope: MutableMapping[str, Any], route: object) -> object:
    """The route as its application has it: recent FastAPI leaves one of an included router without the prefixes."""
    included = scope.get("fastapi")
    context = included.get("effective_route_context") if isinstance(included, dict) else None
    return context if context is not None and getattr(context, "original_route", None) is route else route


def _path_of(route: object) -> str | None:
    path = getattr(route, "path_format", None) or getattr(route, "path", None)
    return path if isinstance(path, str) else None


def _find(routes: Iterable[Any], endpoint: object, path: str) -> str | None:
    """The pattern of the route that has this endpoint for this path, as far as the last mount."""
    if endpoint is None:
        return None
    for route in routes:
        nested = getattr(route, "routes", None)
        found = _find(nested, endpoint, path) if nested else None
        if found is None and getattr(route, "endpoint", None) is endpoint and route.path_regex.match(path):
            found = _path_of(route)
        if found is not None:
            return found
    return None
