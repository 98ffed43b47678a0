"""The middleware for any WSGI application. It imports no framework."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Unpack

from baserun._arguments import is_async, takes
from baserun._context import replace
from baserun._model import Session
from baserun.exceptions import ConfigurationError
from baserun.web._asgi import MARK as SCOPE_MARK
from baserun.web._body import SteppedBody
from baserun.web._entered import untouched
from baserun.web._options import OptionArguments
from baserun.web._policy import Secrets, SessionPolicy
from baserun.web._request import WebRequest
from baserun.web._response import ResponseChanges

Environ = dict[str, Any]
Headers = list[tuple[str, str]]
ExcInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None] | None
StartResponse = Callable[..., Any]
WSGIApp = Callable[[Environ, StartResponse], Iterable[bytes]]

MARK = "baserun.request"
"""The key of our request in an environ. With a dot: PEP 3333 wants a str under every key without one."""

STATE = "baserun.session"
"""The key of the session in an environ."""


class WSGIRequest(WebRequest):
    """A request, read from its WSGI environ."""

    __slots__ = ("_start_response", "environ")

    def __init__(self, policy: SessionPolicy, environ: Environ, start_response: StartResponse) -> None:
        super().__init__(policy)
        self.environ = environ
        self._start_response = start_response
        environ[MARK] = self
        self.publish(self.session)

    def method(self) -> str:
        return str(self.environ.get("REQUEST_METHOD", "")).upper()

    def path(self) -> str:
        return _path(self.environ)

    def is_secure(self) -> bool:
        return self.environ.get("wsgi.url_scheme") == "https"

    def header(self, name: str) -> str | None:
        return header_of(self.environ, name)

    def original(self) -> Any:
        return self.environ

    def publish(self, session: Session) -> None:
        self.environ[STATE] = session

    def is_whole(self, body: Iterable[bytes]) -> bool:
        """Whether none of the application's code runs while the body is sent, so that it needs no wrapping.

        Servers send files by a faster way, but only when they get their own ``wsgi.file_wrapper`` (uWSGI, gunicorn).
        """
        if type(body) in (list, tuple):
            return True
        wrapper = self.environ.get("wsgi.file_wrapper")
        return inspect.isclass(wrapper) and isinstance(body, wrapper)

    def start_response(self, status: str, headers: Headers, exc_info: ExcInfo = None) -> Any:
        """Pass on the application's status and headers, with ours."""
        code = status.split(" ", 1)[0]
        changes = self.respond(int(code) if code.isdigit() else 200, lambda name: _get(headers, name))
        if changes is not None:
            headers = _changed(headers, changes)
        if exc_info:
            return self._start_response(status, headers, exc_info)
        return self._start_response(status, headers)


class WSGIMiddleware:
    """Gives every request of a WSGI application a session and a trace.

        app = WSGIMiddleware(app, excluded=["/health"])

    The session is ``environ["baserun.session"]``, or `baserun.current_session`.

    Args:
        app: A WSGI application.
        secret: The key that signs session tokens, or several, the newest first. None: `init(secret=...)` or
            ``BASERUN_SECRET``, else one generated beside the local store.
        options: See `WebOptions`.

    Raises:
        ConfigurationError: An option cannot be used, or `app` is not a WSGI application.
        TypeError: There is no such option.
    """

    request_class: type[WSGIRequest] = WSGIRequest

    def __init__(self, app: WSGIApp, *, secret: Secrets = None, **options: Unpack[OptionArguments]) -> None:
        if not callable(app) or is_async(app) or not takes(app, 2):
            raise ConfigurationError(
                f"{type(self).__name__} wraps a WSGI application, called with (environ, start_response); "
                f"for an ASGI application use ASGIMiddleware, not {app!r}"
            )
        self.app = app
        self.policy = SessionPolicy(secret, **options)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if MARK in environ or SCOPE_MARK in environ.get("asgi.scope", ()):  # mounted twice: the outer one has it
            return self.app(environ, start_response)
        if self.policy.options.is_excluded(_path(environ)):
            with untouched():
                return self.app(environ, start_response)
        request = self.request_class(self.policy, environ, start_response)
        previous = replace(request.frame)
        try:
            body = self.app(environ, request.start_response)
        except BaseException as error:
            request.finish(error)
            raise
        finally:
            replace(previous)
        if request.is_whole(body):
            request.finish()
            return body
        return SteppedBody(request, body)


def header_of(environ: Environ, name: str) -> str | None:
    """Return a request header, which an environ has under its name in CGI."""
    value = environ.get("HTTP_" + name.upper().replace("-", "_"))
    return value if isinstance(value, str) else None


def _path(environ: Environ) -> str:
    path: str = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    # By PEP 3333 the str holds bytes, one in each character.
    return path if path.isascii() else path.encode("latin-1", "replace").decode("utf-8", "replace")


def _get(headers: Headers, name: str) -> str | None:
    found = [value for key, value in headers if key.lower() == name]
    return ("\n" if name == "set-cookie" else ", ").join(found) if found else None


def _changed(headers: Headers, changes: ResponseChanges) -> Headers:
    replaced = {name.lower() for name, _ in changes.headers}
    changed = [(key, value) for key, value in headers if key.lower() not in replaced]
    changed += changes.headers
    if changes.cookie is not None:
        changed.append(("Set-Cookie", changes.cookie.header()))
    return changed
