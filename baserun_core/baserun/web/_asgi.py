"""The middleware for any ASGI application, on asyncio or trio. It imports no framework."""

from __future__ import annotations

import gc
import inspect
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Unpack

from baserun._arguments import takes
from baserun._context import replace
from baserun._current import recorder
from baserun._flush import flush
from baserun._guard import guarded
from baserun._model import CANCELLED, OK, Session
from baserun.exceptions import ConfigurationError
from baserun.web._entered import untouched
from baserun.web._options import OptionArguments
from baserun.web._policy import Secrets, SessionPolicy
from baserun.web._request import WebRequest
from baserun.web._response import LIVE_TYPES, ResponseChanges

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[..., Awaitable[None]]
"""Called with scope, receive and send, for which each framework has types of its own."""

MARK = "baserun"
"""The key of our request in a scope. Not a context variable: servers and sub-requests leak those."""

_LIVE_TYPES = tuple(name.encode() for name in LIVE_TYPES)

STATE = "baserun_session"
"""The key of the session in ``scope["state"]``, which is ``request.state.baserun_session`` in Starlette."""


class ASGIRequest(WebRequest):
    """An HTTP request or websocket connection, read from its ASGI scope."""

    __slots__ = ("_has_left", "_is_complete", "_receive", "_send", "scope")

    def __init__(self, policy: SessionPolicy, scope: Scope, receive: Receive, send: Send) -> None:
        super().__init__(policy)
        self.scope = scope
        self._receive = receive
        self._send = send
        self._is_complete = False
        self._has_left = False
        scope[MARK] = self
        self.publish(self.session)

    def method(self) -> str:
        # Some test clients give a websocket the method of its handshake.
        return "WEBSOCKET" if self.is_websocket() else str(self.scope.get("method", "GET"))

    def is_websocket(self) -> bool:
        return bool(self.scope["type"] == "websocket")

    def path(self) -> str:
        return str(self.scope.get("path", ""))

    def is_secure(self) -> bool:
        return self.scope.get("scheme") in ("https", "wss")

    def header(self, name: str) -> str | None:
        wanted, found = name.encode(), None
        for key, value in self.scope.get("headers") or ():
            if key == wanted:
                found = value if found is None else found + (b"; " if name == "cookie" else b", ") + value
        return None if found is None else found.decode("latin-1")

    def original(self) -> Any:
        return self.scope

    def publish(self, session: Session) -> None:
        state = self.scope.get("state")
        if state is None:
            self.scope["state"] = {STATE: session}
        else:
            state[STATE] = session

    # The `receive` and `send` that the application gets.

    async def receive(self) -> Message:
        """Pass on the server's message, and note a disconnect."""
        message = await self._receive()
        if message["type"] in ("http.disconnect", "websocket.disconnect"):
            self._has_left = True
        return message

    async def send(self, message: Message) -> None:
        """Pass on the application's message; the start of the response gets our headers."""
        kind = message["type"]
        if kind in ("http.response.body", "http.response.zerocopysend"):
            if message.get("more_body", False):
                await self._send_watched(message)
                return
            self._is_complete = True
        elif kind in ("http.response.start", "websocket.http.response.start"):
            message = self._started(message, message["status"])
        elif kind == "websocket.accept":
            message = self._accepted(message)
        elif kind == "http.response.pathsend":
            self._is_complete = True
        elif kind == "websocket.send":
            await self._send_watched(message)
            return
        await self._send(message)

    async def _send_watched(self, message: Message) -> None:
        try:
            await self._send(message)
        except OSError:  # since ASGI 2.4 a server raises it when the client has disconnected
            self._has_left = True
            raise

    def _accepted(self, message: Message) -> Message:
        # The last chance for a cookie. Servers of version 2.0 take no headers here; several that take them do not
        # state a version.
        if self.scope.get("asgi", {}).get("spec_version") != "2.0":
            self.expect_calls()
            return self._started(message, 101)
        self.status_code = 101
        return message

    def _started(self, message: Message, status: int) -> Message:
        headers = message.get("headers") or ()
        if self.is_untouched and not _may_be_live(headers):
            self.status_code = status
            return message
        changes = self.respond(status, lambda name: _get(headers, name))
        return message if changes is None else _changed(message, changes)

    def close(self, error: BaseException | None) -> None:
        """End the request: the application has returned, or raised `error`."""
        if self.scope.get(MARK) is self:
            del self.scope[MARK]  # test clients use a scope more than once
        if not self._has_left or self._is_complete or not (error is None or _is_disconnect(error)):
            self.finish(error)
        else:  # the client has left: so ends a websocket, but a response is cut short
            self.finish(status=OK if self.is_websocket() else CANCELLED)


class ASGIMiddleware:
    """Gives every request and websocket connection of an ASGI application a session and a trace.

        app = ASGIMiddleware(app, excluded=["/health"])

    The session is ``scope["state"]["baserun_session"]``, or `baserun.current_session`.

    Args:
        app: An ASGI 3 application.
        secret: The key that signs session tokens, or several, the newest first. None: `init(secret=...)` or
            ``BASERUN_SECRET``, else one generated beside the local store.
        options: See `WebOptions`.

    Raises:
        ConfigurationError: An option cannot be used, or `app` is not an ASGI 3 application.
        TypeError: There is no such option.
    """

    request_class: type[ASGIRequest] = ASGIRequest

    def __init__(self, app: ASGIApp, *, secret: Secrets = None, **options: Unpack[OptionArguments]) -> None:
        if inspect.isclass(app) or not callable(app) or not takes(app, 3):
            raise ConfigurationError(
                f"{type(self).__name__} wraps an ASGI 3 application, called with (scope, receive, send); "
                f"for a WSGI application use WSGIMiddleware, and for a double-callable one "
                f"asgiref.compatibility.guarantee_single_callable, not {app!r}"
            )
        self.app = app
        self.policy = SessionPolicy(secret, **options)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        kind = scope["type"]
        if kind == "lifespan":
            return await self.app(scope, receive, _flushing(send))
        if kind not in ("http", "websocket") or MARK in scope:  # mounted twice: the outer one has it
            return await self.app(scope, receive, send)
        if self.policy.options.is_excluded(scope.get("path", "")):
            with untouched():
                return await self.app(scope, receive, send)
        request = self.request_class(self.policy, scope, receive, send)
        previous = replace(request.frame)
        try:
            await self.app(scope, request.receive, request.send)
        except BaseException as error:
            request.close(error)
            raise
        else:
            request.close(None)
        finally:
            replace(previous)


def _flushing(send: Send) -> Send:
    """Wrap the `send` of a lifespan: write what is queued before the server learns that it may exit."""

    async def send_lifespan(message: Message) -> None:
        if message["type"] in ("lifespan.shutdown.complete", "lifespan.shutdown.failed"):
            with guarded("writing what is queued at shutdown"):
                # Blocking is fine: the last request has been answered. Streams dropped unread are in reference
                # cycles; in servers that die by a signal they are collected now or never.
                gc.collect()
                flush(recorder().config.exit_timeout)
        await send(message)

    return send_lifespan


def _may_be_live(headers: Any) -> bool:
    """Whether the content type may be that of a live stream: a cheap test for responses of untouched requests."""
    for key, value in headers:
        if key.lower() == b"content-type":
            return bool(value[:20].lower().startswith(_LIVE_TYPES))
    return False


def _get(headers: Any, name: str) -> str | None:
    wanted = name.encode("latin-1")
    found = [value for key, value in headers if key == wanted or key.lower() == wanted]
    return (b"\n" if name == "set-cookie" else b", ").join(found).decode("latin-1") if found else None


def _changed(message: Message, changes: ResponseChanges) -> Message:
    """Return a changed copy: applications send the same message, and the same list, more than once."""
    replaced = {name.lower().encode("latin-1") for name, _ in changes.headers}
    headers = [(key, value) for key, value in message.get("headers") or () if key.lower() not in replaced]
    headers += [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in changes.headers]
    if changes.cookie is not None:
        headers.append((b"set-cookie", changes.cookie.header().encode("latin-1")))
    return {**message, "headers": headers}


def _is_disconnect(error: BaseException) -> bool:
    """Whether a framework raises `error` to say that the client has disconnected."""
    return isinstance(error, OSError) or type(error).__name__ in ("ClientDisconnect", "WebSocketDisconnect")
