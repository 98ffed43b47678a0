"""The pattern of the route that matched a request."""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping
from typing import Any


def route_of(scope: MutableMapping[str, Any], root_path: str) -> str | None:
    """Return the pattern, such as ``/chat/{conversation_id}``, with the path of its mounts; None if no route matched.

    Args:
        scope: The scope of the request after routing, which writes its results into it.
        root_path: The ``root_path`` from the server; what was appended to it since are mounts.
    """
    mounts: str = scope.get("root_path", "")
    matched = scope.get("route")  # set by FastAPI, and by Starlette from 1.7 on
    if hasattr(matched, "routes"):
        return None  # only the mount has matched yet; the route below it may follow
    path = _path_of(_as_included(scope, matched))
    if path is None:
        router = getattr(scope.get("app"), "router", None)
        below_mounts = str(scope.get("path", "")).removeprefix(mounts)
        path = _find(getattr(router, "routes", ()), scope.get("endpoint"), below_mounts)
    return None if path is None else mounts.removeprefix(root_path) + path


def _as_included(scope: MutableMapping[str, Any], route: object) -> object:
    """Return the route with its prefixes: recent FastAPI keeps a route of an included router without them."""
    included = scope.get("fastapi")
    context = included.get("effective_route_context") if isinstance(included, dict) else None
    return context if context is not None and getattr(context, "original_route", None) is route else route


def _path_of(route: object) -> str | None:
    path = getattr(route, "path_format", None) or getattr(route, "path", None)
    return path if isinstance(path, str) else None


def _find(routes: Iterable[Any], endpoint: object, path: str) -> str | None:
    """Return the pattern of the route with this endpoint that matches this path, relative to the last mount."""
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
