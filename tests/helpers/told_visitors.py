"""An ASGI middleware that is told who sent a request."""

from __future__ import annotations

from baserun.web import ASGIMiddleware, ASGIRequest, Visitor


class AsTold(ASGIRequest):
    """A request whose user is in the scope, and unknown until one is put there."""

    __slots__ = ()

    def peek_user(self) -> Visitor:
        return self.scope.get("visitor") or super().peek_user()


class ToldMiddleware(ASGIMiddleware):
    """Takes the visitor from ``scope["visitor"]``."""

    request_class = AsTold
