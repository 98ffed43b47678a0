"""The URLs of pages. An id that would change the path, such as ``..`` or ``a/b``, goes into the query."""

from __future__ import annotations

import re
from urllib.parse import quote, urlencode

_PLAIN = re.compile(r"[A-Za-z0-9_~][A-Za-z0-9_.~@+=:-]{0,199}")
_SUFFIXES = (".json", ".csv", ".jsonl")
BY_QUERY = "-"
"""In the path, in the place of an id that is in the query."""


class Links:
    """URLs below the mount point of the pages."""

    def __init__(self, root: str, version: str = "") -> None:
        self.root = quote(root)
        self._version = version

    def to(self, path: str, **query: object) -> str:
        """Return the URL of a page with its query, without parameters that are None or empty."""
        given = {name: str(value) for name, value in query.items() if value not in (None, "")}
        return f"{self.root}{path}" + (f"?{urlencode(given, errors='replace')}" if given else "")

    def static(self, name: str) -> str:
        """Return the URL of a static file, which changes with its content."""
        return f"{self.root}/static/{name}?v={self._version}"

    def session(self, identifier: str, suffix: str = "", **query: object) -> str:
        """Return the URL of a session."""
        return self._one("sessions", identifier, suffix, query)

    def turn(self, session: str, trace: str) -> str:
        """Return the URL of a trace in the conversation of its session, on the right page."""
        return f"{self.session(session, turn=trace)}#t{trace[:12]}"

    def user(self, identifier: str, suffix: str = "", **query: object) -> str:
        """Return the URL of a user."""
        return self._one("users", identifier, suffix, query)

    def trace(self, identifier: str, suffix: str = "", **query: object) -> str:
        """Return the URL of a trace."""
        return self._one("traces", identifier, suffix, query)

    def _one(self, noun: str, identifier: str, suffix: str, query: dict[str, object]) -> str:
        if _PLAIN.fullmatch(identifier) and not identifier.endswith(_SUFFIXES):
            return self.to(f"/{noun}/{quote(identifier, safe='@+=:~')}{suffix}", **query)
        return self.to(f"/{noun}/{BY_QUERY}{suffix}", **{"id": identifier, **query})
