"""The middleware: `baserun.web` in Django's terms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.http import FileResponse, HttpRequest
from django.http.response import HttpResponseBase

from baserun.web import SteppedAsyncBody, SteppedBody, untouched
from baserun.web._asgi import MARK
from baserun_django._request import ATTRIBUTE, DjangoRequest
from baserun_django._response import apply, get_header
from baserun_django._settings import current_policy

GetResponse = Callable[[HttpRequest], Any]


class BaserunMiddleware:
    """Gives every request of a Django project a session and a trace; native under WSGI and under ASGI.

    Put it below AuthenticationMiddleware in ``MIDDLEWARE``; its options are the setting ``BASERUN``. The session is
    ``request.baserun_session``, or `baserun.current_session`. Its user is ``request.user`` unless there is a
    ``get_user``. Session tokens are signed with ``SECRET_KEY``, and ``SECRET_KEY_FALLBACKS`` are accepted.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)
        current_policy()  # a wrong option raises when the server starts, not at the first request
        user_logged_in.connect(_logged_in, dispatch_uid="baserun")
        user_logged_out.connect(_logged_out, dispatch_uid="baserun")

    def __call__(self, request: HttpRequest) -> Any:
        if self._is_async:
            return self.__acall__(request)
        if _is_taken(request):
            return self.get_response(request)
        policy = current_policy()
        if policy.options.is_excluded(request.path):
            with untouched():
                return self.get_response(request)
        ours = DjangoRequest(policy, request)
        try:
            with ours.entered():
                response = self.get_response(request)
                ours.find_user_after_loop()
        except BaseException as error:
            ours.finish(error)
            raise
        return _answered(ours, response)

    async def __acall__(self, request: HttpRequest) -> Any:
        if _is_taken(request):
            return await self.get_response(request)
        policy = current_policy()
        if policy.options.is_excluded(request.path):
            with untouched():
                return await self.get_response(request)
        ours = DjangoRequest(policy, request)
        try:
            with ours.entered():
                response = await self.get_response(request)
                await ours.find_user_in_loop(lambda name: get_header(response, name))
        except BaseException as error:
            ours.finish(error)
            raise
        return _answered(ours, response)

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        """Remember the exception of a view: Django turns it into a response before it reaches `__call__`."""
        ours = getattr(request, ATTRIBUTE, None)
        if isinstance(ours, DjangoRequest):
            ours.failed(exception)


def _is_taken(request: HttpRequest) -> bool:
    """Whether another Baserun middleware handles the request: listed twice, or around the whole project."""
    return hasattr(request, ATTRIBUTE) or MARK in getattr(request, "scope", ())


def _answered(ours: DjangoRequest, response: HttpResponseBase) -> HttpResponseBase:
    changes = ours.respond(response.status_code, lambda name: get_header(response, name))
    if changes is not None:
        apply(response, changes)
    if not response.streaming:
        ours.finish()
    else:
        _follow_body(ours, response)
    return response


def _follow_body(ours: DjangoRequest, response: Any) -> None:
    """Let the trace end with the body. A file is not wrapped: the server may have a faster way to send it."""
    closers: list[Callable[[], Any]] = response._resource_closers
    if isinstance(response, FileResponse):
        closers.append(ours.finish)
        return
    if response.is_async:
        body = SteppedAsyncBody(ours, response.streaming_content)
        response.streaming_content = body
        closers.append(body.abandon)
    else:
        response.streaming_content = SteppedBody(ours, response.streaming_content)


def _logged_in(sender: Any, request: Any = None, **_: Any) -> None:
    ours = _ours(request)
    if ours is not None:
        ours.logged_in()


def _logged_out(sender: Any, request: Any = None, **_: Any) -> None:
    ours = _ours(request)
    if ours is not None:
        ours.logged_out()


def _ours(request: Any) -> DjangoRequest | None:
    # Django REST framework sends its own request, which wraps Django's.
    found = getattr(getattr(request, "_request", request), ATTRIBUTE, None)
    return found if isinstance(found, DjangoRequest) else None
