"""What all pages share (`Site`), and the state of one request (`Visit`)."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import urlencode

from baserun.exceptions import NarrowFilterError
from baserun.store import Store
from baserun_monitor import _formats, _security, _templates
from baserun_monitor._exchange import Request, Response, as_json, html
from baserun_monitor._links import Links

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Site:
    """The store, and how it is shown."""

    store: Store
    name: str
    """The name of the store, for people."""
    place: str | None
    """The path of its file; None if it is temporary or not a file."""
    user_key: str | None
    has_login: bool


@dataclass
class Visit:
    """One request, with everything needed to answer it."""

    site: Site
    request: Request
    now: datetime = field(default_factory=_formats.utc_now)

    def __post_init__(self) -> None:
        self.links = Links(self.request.root, _templates.version())
        # Before anything is read: the page is notified of whatever is written from now on.
        self.state = self.site.store.state()
        self._new_secret: str | None = None

    @property
    def store(self) -> Store:
        """The store of the site."""
        return self.site.store

    @property
    def params(self) -> dict[str, str]:
        """The parameters of the query."""
        return self.request.params

    @property
    def token(self) -> str:
        """The CSRF token for forms; reading it makes `finish` set its cookie if the visitor has none."""
        known = self.request.cookies.get(_security.TOKEN_COOKIE)
        if known:
            return _security.token_for(known)
        self._new_secret = self._new_secret or secrets.token_urlsafe(18)
        return _security.token_for(self._new_secret)

    def page(self, template: str, title: str, *, status: int = 200, **context: Any) -> Response:
        """Render a page from its template."""
        made = _templates.environment().get_template(template)
        values = {"visit": self, "link": self.links, "params": self.params, "now": self.now, "title": title, **context}
        return self.finish(html(made.render(values), status))

    def problem(self, status: int, title: str, words: str, advice: str = "") -> Response:
        """Return a page, or JSON, that says what is wrong and what to do."""
        if self.wants_json:
            return as_json({"error": {"title": title, "message": words, "advice": advice or None}}, status)
        return self.page("problem.html", title, status=status, words=words, advice=advice, nav="")

    def refused(self, title: str) -> Response:
        """Return the page for a form that `_security.may_change` does not accept."""
        words = "The form was not sent from these pages, or it is too old. Open the page again and repeat it."
        return self.problem(403, title, words)

    @property
    def wants_json(self) -> bool:
        """Whether the JSON twin is requested, by the path or the header Accept."""
        return self.request.path.endswith(".json") or self.request.wants_json

    def finish(self, response: Response) -> Response:
        """Add the cookie of a new CSRF token on this page."""
        if self._new_secret is not None:
            cookie = _security.cookie(_security.TOKEN_COOKIE, self._new_secret, self.request)
            if cookie not in response.cookies:
                response.cookies.append(cookie)
        return response

    def address(self, **changes: object) -> str:
        """Return the query of this page with some parameters changed; None removes one."""
        given = {**self.params, **changes}
        return urlencode({name: str(value) for name, value in given.items() if value is not None}, errors="replace")

    def twin_all(self) -> str:
        """Return the URL of all matching items as JSON."""
        return self.links.to(f"{self.request.path}.json", **{**self.params, "after": None, "all": "yes"})

    def twin(self, kind: str = "json") -> str:
        """Return the URL of this page as JSON or CSV, with the same filters."""
        path = self.request.path.rstrip("/")
        path = path if path else "/overview"
        return self.links.to(f"{path}.{kind}", **{**self.params, "after": None})


def in_time(ask: Callable[[], Answer]) -> Answer | None:
    """Return the result of `ask`; None if it exceeds the time budget, so that the page is shown without it."""
    try:
        return ask()
    except NarrowFilterError:
        return None
