"""The middleware: `baserun.web` in Starlette's terms."""

from __future__ import annotations

from typing import Any

from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope, Send

from baserun.web import ASGIMiddleware, ASGIRequest, SessionPolicy, Visitor, visitor_of
from baserun_starlette._route import route_of


class StarletteRequest(ASGIRequest):
    """An ASGI request with what Starlette knows of it: route and user."""

    __slots__ = ("_root_path",)

    def __init__(self, policy: SessionPolicy, scope: Scope, receive: Receive, send: Send) -> None:
        super().__init__(policy, scope, receive, send)
        self._root_path: str = scope.get("root_path", "")

    def route(self) -> str | None:
        return route_of(self.scope, self._root_path)

    def original(self) -> HTTPConnection:
        return HTTPConnection(self.scope)

    def peek_user(self) -> Visitor:
        # `scope["user"]` is what AuthenticationMiddleware sets, below this one or above. `request.user` would raise.
        found = visitor_of(self.scope.get("user"))
        if found.identifier is None:
            user = self.scope["state"].get("user")  # where FastAPI's dependencies put theirs, by custom
            return found if user is None else visitor_of(user)
        return found


class BaserunMiddleware(ASGIMiddleware):
    """Gives every request and websocket connection a session and a trace.

        app = Starlette(routes=routes, middleware=[Middleware(BaserunMiddleware)])
        app.add_middleware(BaserunMiddleware)                      # FastAPI
        app = BaserunMiddleware(app)                               # or outermost: covers error responses too

    The session is ``request.state.baserun_session``, or `baserun.current_session`. Its user is ``request.user`` (of
    AuthenticationMiddleware) or ``request.state.user``, unless there is a `get_user`.

    Args:
        app: The application.
        secret: The key that signs session tokens, or several, the newest first. None: `init(secret=...)` or
            ``BASERUN_SECRET``, else one generated beside the local store.
        options: See `baserun.web.WebOptions`; `get_user` gets a `starlette.requests.HTTPConnection`.

    Raises:
        ConfigurationError: An option cannot be used.
        TypeError: There is no such option.
    """

    request_class: Any = StarletteRequest
