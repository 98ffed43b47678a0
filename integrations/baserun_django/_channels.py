"""The middleware for what Django Channels serves beside Django's views: websockets, and HTTP in consumers."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import LazyObject, empty

from baserun.web import ASGIMiddleware, ASGIRequest, Visitor
from baserun_django._request import visitor_of
from baserun_django._settings import NAME, secrets_of_settings, web_options


class ChannelsRequest(ASGIRequest):
    """An ASGI connection whose user is the one that ``AuthMiddlewareStack`` puts into the scope."""

    __slots__ = ()

    def original(self) -> HttpRequest:
        """Return a Django request made of the scope, so that a `get_user` written for views works here too."""
        request = HttpRequest()
        request.method, request.path = self.method(), self.path()
        request.META.update(
            (f"HTTP_{name.decode('latin-1').upper().replace('-', '_')}", value.decode("latin-1"))
            for name, value in self.scope.get("headers") or ()
        )
        for name in ("user", "session"):
            if name in self.scope:
                setattr(request, name, self.scope[name])
        return request

    def peek_user(self) -> Visitor:
        return visitor_of(_loaded(self.scope.get("user")))


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
        super().__init__(app, secret=secrets_of_settings, **web_options(getattr(settings, NAME, None)))


def _loaded(user: Any) -> Any:
    """Return the user if it is loaded, and None otherwise: loading it takes a query."""
    if not isinstance(user, LazyObject):
        return user
    return None if user._wrapped is empty else user._wrapped
