"""The pages as one application, for ASGI and WSGI servers."""

from __future__ import annotations

import logging
import os
import re
import uuid
from collections.abc import Awaitable, Callable, Collection, Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from baserun import _reading
from baserun._arguments import check_text, takes
from baserun.exceptions import ConfigurationError, NarrowFilterError, StoreError, StoreVersionError
from baserun.store import Store, StoreLocation, open_store
from baserun_monitor import _live, _login, _overview, _search, _security, _sessions, _templates, _traces, _users
from baserun_monitor._exchange import Request, Response, plain
from baserun_monitor._links import BY_QUERY
from baserun_monitor._site import Site, Visit

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

Allow = Callable[[Any], bool | Awaitable[bool]]
Handler = Callable[..., Response]

_log = logging.getLogger("baserun.monitor")

_ID = r"(?P<identifier>[^/]+?)"
_TWIN = r"(?:\.json)?"
ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", rf"/|/overview{_TWIN}", _overview.show),
    ("GET", r"/sessions(?:\.json|\.csv)?", _sessions.index),
    ("POST", r"/sessions", _sessions.narrow),
    ("POST", rf"/sessions/{_ID}/end", _sessions.end),
    ("GET", rf"/sessions/{_ID}/test", _sessions.to_test),
    ("GET", rf"/sessions/{_ID}{_TWIN}", _sessions.show),
    ("GET", r"/users(?:\.json|\.csv)?", _users.index),
    ("POST", r"/users", _users.narrow),
    ("GET", rf"/users/{_ID}/export", _users.export),
    ("GET", rf"/users/{_ID}/erase", _users.ask_to_erase),
    ("POST", rf"/users/{_ID}/erase", _users.erase),
    ("GET", rf"/users/{_ID}{_TWIN}", _users.show),
    ("GET", r"/traces(?:\.json|\.csv)?", _traces.index),
    ("POST", r"/traces", _traces.narrow),
    ("GET", rf"/traces/{_ID}{_TWIN}", _traces.show),
    ("GET", r"/search(?:\.json|\.csv)?", _search.index),
    ("POST", r"/search", _search.narrow),
    ("GET", r"/live", _live.follow),
)
_COMPILED = [(method, re.compile(pattern), handler) for method, pattern, handler in ROUTES]


class Pages:
    """Pages over a store, as an ASGI application; `wsgi` is the same for WSGI.

    At least one of `allow` and `key` is required; with both, a visitor needs both.

    Args:
        store: An open store, or its URL or path. None: the one that this process records to at the first visit.
        allow: Returns for each request whether this visitor may see the pages. On ASGI it gets Starlette's `Request`
            and may be async; in Flask and Django it gets the framework's own request.
        key: Visitors must log in with it.
        hosts: The accepted names in Host headers; None leaves that to the host application.
        user_key: The `user_key` of the application, to find users by e-mail where their identifiers are keyed. None:
            that of this process.

    Raises:
        ConfigurationError: There is neither `allow` nor `key`, the key is too short, or an argument cannot be used.
    """

    def __init__(
        self,
        store: Store | str | os.PathLike[str] | StoreLocation | None = None,
        *,
        allow: Allow | None = None,
        key: str | None = None,
        hosts: Collection[str] | None = None,
        user_key: str | None = None,
    ) -> None:
        if allow is None and key is None:
            raise ConfigurationError(
                "Pages show what users said, so they need to know who may look. Write Pages(store, "
                "allow=lambda request: request.user.is_staff), as your application tells its staff, or Pages(store, "
                'key="...") for a key that visitors type.'
            )
        self._store = _opened(store)
        self._user_key = None if user_key is None else check_text(user_key, "user_key")
        self.allow = _checked_allow(allow)
        self._hosts = _security.check_names(hosts)
        self._door = None if key is None else _security.Door(key)

    @cached_property
    def site(self) -> Site:
        """The store and how to show it; set at the first visit, since `baserun.init` may be called after `Pages`."""
        store = _reading.open_store() if self._store is None else self._store
        user_key = _reading.user_key() if self._user_key is None else self._user_key
        return Site(store, _name(store), _place(store), user_key, self._door is not None)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the pages by ASGI."""
        from baserun_monitor._asgi import serve

        await serve(self, scope, receive, send)

    def wsgi(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Serve the pages by WSGI."""
        from baserun_monitor._wsgi import serve

        return serve(self, environ, start_response)

    def answer(self, request: Request, *, is_allowed: bool) -> Response:
        """Return the response to a request; `is_allowed` is the answer of `allow`."""
        response = self._answer(request, is_allowed)
        for name, value in _security.HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    def close(self) -> None:
        """Close the connections of the store."""
        self.site.store.close()

    def _answer(self, request: Request, is_allowed: bool) -> Response:
        host = request.headers.get("host", "")
        if not _security.is_known_host(host, self._hosts, any_address=self._door is not None):
            return plain(f"These pages are not served under the name {_security.host_name(host)[:200]!r}.", 421)
        if request.is_too_large:
            return plain("The form is too large.", 413)
        if request.path.startswith("/static/"):
            return _static(request)
        try:
            visit = Visit(self.site, request)
            if not is_allowed:
                return visit.problem(403, "Not for you", "The application does not let you look at these pages.")
            if self._door is not None:
                answered = _login.answer(visit, self._door)
                if answered is not None:
                    return answered
            return _routed(visit)
        except Exception as error:
            return _broken(error)


def _opened(store: Store | str | os.PathLike[str] | StoreLocation | None) -> Store | None:
    if isinstance(store, (str, os.PathLike, StoreLocation)):
        return open_store(store)
    if store is not None and (isinstance(store, type) or not callable(getattr(store, "sessions", None))):
        raise ConfigurationError(f"Pages show an open store, or that of a URL or path, not {store!r}")
    return store


def _checked_allow(allow: Allow | None) -> Allow | None:
    if allow is not None and not (callable(allow) and takes(allow, 1)):
        raise ConfigurationError(f"allow must be a function of the request, such as is_staff(request), not {allow!r}")
    return allow


def _routed(visit: Visit) -> Response:
    request = visit.request
    method = "GET" if request.method == "HEAD" else request.method
    matching = [
        (verb, match, handler) for verb, route, handler in _COMPILED if (match := route.fullmatch(request.path))
    ]
    for verb, match, handler in matching:
        if verb == method:
            return _guarded(visit, handler, match.groupdict())
    if matching:
        response = visit.problem(405, "Not possible", f"{request.method} is not possible here.")
        response.headers["Allow"] = ", ".join(sorted({verb for verb, _, _ in matching}))
        return response
    return visit.problem(404, "No such page", "There is nothing at this address.", "The menu above leads to what is.")


def _guarded(visit: Visit, handler: Handler, values: dict[str, str]) -> Response:
    """Run a handler; translate errors of the store to pages that say what to do."""
    if values.get("identifier") == BY_QUERY:
        values["identifier"] = visit.params.get("id", BY_QUERY)
    try:
        return visit.finish(handler(visit, **values))
    except NarrowFilterError as error:
        return visit.problem(503, "That is too much at once", str(error), "Narrow the filter: a user, a shorter time.")
    except ConfigurationError as error:
        return visit.problem(400, "That cannot be asked", str(error))
    except StoreVersionError as error:
        return visit.problem(503, "The store is newer than these pages", str(error), "Upgrade Baserun here.")
    except StoreError as error:
        return visit.problem(
            503, "The store cannot be used now", str(error), "`baserun doctor` says what is the matter with it."
        )


def _broken(error: Exception) -> Response:
    """Log an unexpected exception, and return a response with the number that it is logged under."""
    number = uuid.uuid4().hex[:12]
    _log.error("Baserun: the pages failed (%s)", number, exc_info=error)
    return plain(f"The pages failed. The log has the details under {number}.", 500)


def _static(request: Request) -> Response:
    name = request.path.removeprefix("/static/")
    if name not in _templates.STATIC:
        return plain("There is no such file.", 404)
    kind = _templates.STATIC[name]
    caching = "public, max-age=31536000, immutable" if request.params.get("v") else "no-cache"
    return Response(_templates.static(name), 200, {"Content-Type": f"{kind}; charset=utf-8", "Cache-Control": caching})


def _name(store: Store) -> str:
    location = getattr(store, "location", None)
    return os.path.basename(location.path) if isinstance(location, StoreLocation) else type(store).__name__


def _place(store: Store) -> str | None:
    location = getattr(store, "location", None)
    return location.path if isinstance(location, StoreLocation) and not location.is_temporary else None
