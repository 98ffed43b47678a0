"""The middleware for what Django Channels serves beside Django's views: websockets, and HTTP in consumers."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.core.handlers import asgi
from django.http import HttpRequest
from django.utils.functional import LazyObject, empty

from baserun.web import ASGIMiddleware, ASGIRequest, Visitor, active_request
from baserun_django._request import visitor_of
from baserun_django._settings import secrets_of_settings, web_options


class ChannelsRequest(ASGIRequest):
    """An ASGI connection whose user is the one that ``AuthMiddlewareStack`` puts into the scope."""

    __slots__ = ()

    def original(self) -> HttpRequest:
        """Return a Django request made of the scope, so that a `get_user` written for views works here too."""
        request = _ConnectionRequest(self.scope, self.method())
        for name in ("user", "session"):
            if name in self.scope:
                setattr(request, name, self.scope[name])
        return request

    def is_secure(self) -> bool:
        return self.original().is_secure()

    def peek_user(self) -> Visitor:
        return visitor_of(_loaded(self.scope.get("user")))

    def user_became(self, user: Any) -> None:
        """Follow a login or logout in a consumer: Channels changes only the consumer's own copy of the scope."""
        self.scope["user"] = user
        self.user_changed()


class _ConnectionRequest(asgi.ASGIRequest):
    """Django's request of a connection."""

    def __init__(self, scope: Any, method: str) -> None:
        # As in recent Django a header with an underscore is not mistaken for one with a hyphen. A content type that
        # Django cannot parse would raise, as would a query that is not UTF-8.
        headers = [
            (name, value)
            for name, value in scope.get("headers") or ()
            if b"_" not in name and name.lower() != b"content-type"
        ]
        query = scope.get("query_string", b"").decode("utf-8", "replace")
        super().__init__({**scope, "method": method, "headers": headers, "query_string": query}, BytesIO())

    def _get_scheme(self) -> str:
        return "https" if self.scope.get("scheme") in ("https", "wss") else "http"


class ChannelsMiddleware(ASGIMiddleware):
    """Gives every connection that Django Channels serves a session and a trace.

        application = ProtocolTypeRouter({
            "http": get_asgi_application(),
            "websocket": AuthMiddlewareStack(ChannelsMiddleware(URLRouter(websocket_urlpatterns))),
        })

    Put it inside ``AuthMiddlewareStack``, which finds the user. A visitor has the same session in views and in
    consumers: options, keys and users are those of `BaserunMiddleware`. The settings are read when it is made.

    Raises:
        ConfigurationError: `app` is not an ASGI 3 application, or the setting ``BASERUN`` cannot be used.
    """

    request_class: Any = ChannelsRequest

    def __init__(self, app: Any) -> None:
        super().__init__(app, secret=secrets_of_settings, **web_options())
        user_logged_in.connect(_logged_in, dispatch_uid="baserun.channels")
        user_logged_out.connect(_logged_out, dispatch_uid="baserun.channels")


def _logged_in(sender: Any, user: Any = None, **_: Any) -> None:
    _follow(user)


def _logged_out(sender: Any, **_: Any) -> None:
    from django.contrib.auth.models import AnonymousUser  # the applications are not loaded when this module is imported

    _follow(AnonymousUser())


def _follow(user: Any) -> None:
    active = active_request()
    if isinstance(active, ChannelsRequest):
        active.user_became(user)


def _loaded(user: Any) -> Any:
    """Return the user if it is loaded, and None otherwise: loading it takes a query."""
    if not isinstance(user, LazyObject):
        return user
    return None if user._wrapped is empty else user._wrapped
