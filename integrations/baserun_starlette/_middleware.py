"""The middleware: Starlette's words for what `baserun.web` does."""

from __future__ import annotations

from typing import Any

from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope, Send

from baserun.web import ASGIMiddleware, ASGIRequest, SessionPolicy, Visitor, visitor_of
from baserun_starlette._route import route_of


class StarletteRequest(ASGIRequest):
    """A request as Starlette knows it."""

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
    """Puts every request and websocket connection in its session.

        app = Starlette(routes=routes, middleware=[Middleware(BaserunMiddleware)])
        app.add_middleware(BaserunMiddleware)                      # FastAPI
        app = BaserunMiddleware(app)                               # or outermost: it sees the answers to errors too

    Endpoints find the session as ``request.state.baserun_session``, or by `baserun.current_session`. The user is
    ``request.user`` as AuthenticationMiddleware sets it, or ``request.state.user``, unless `get_user` says otherwise.

    Args:
        app: The application.
        secret: What session tokens are signed with: a str, or several, the newest first. None: `init(secret=...)` or
            ``BASERUN_SECRET``, else one that is made beside the local store.
        options: See `baserun.web.WebOptions`; `get_user` gets a `starlette.requests.HTTPConnection`.

    Raises:
        ConfigurationError: An option cannot be used.
        TypeError: There is no such option.
    """

    request_class: Any = StarletteRequest
