"""Serving the pages in a Django project, on WSGI and ASGI."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from baserun_monitor._exchange import MOST_BODY, Request
from baserun_monitor._wsgi import body_of, check_pages, is_allowed

if TYPE_CHECKING:
    from baserun_monitor._pages import Pages


def django_urls(pages: Pages) -> list[Any]:
    """Return the URLs of the pages: ``path("baserun/", include(django_urls(pages)))``.

    `allow` gets Django's request after its middleware, so that ``request.user`` is known. Forms have a CSRF token of
    their own, so that the pages work with and without Django's CSRF middleware.
    """
    from django.urls import re_path

    check_pages(pages, "django_urls")
    return [re_path(r"^(?P<path>.*)$", _view(pages), name="baserun_monitor")]


def _view(pages: Pages) -> Callable[..., Any]:
    from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
    from django.views.decorators.csrf import csrf_exempt

    def show(native: HttpRequest, path: str) -> HttpResponseBase:
        request = _request(native, path)
        response = pages.answer(request, is_allowed=not request.is_too_large and is_allowed(pages, native))
        made: HttpResponseBase
        if isinstance(response.body, bytes):
            made = HttpResponse(response.body, status=response.status)
        else:
            made = StreamingHttpResponse(body_of(response), status=response.status)
        for name, value in response.headers.items():
            made[name] = value
        for cookie in response.cookies:
            made.cookies.load(cookie)
        return made

    return csrf_exempt(show)


def _request(native: Any, path: str) -> Request:
    """Translate Django's request."""
    from django.core.exceptions import RequestDataTooBig

    try:
        body, is_too_large = native.body, len(native.body) > MOST_BODY
    except RequestDataTooBig:
        body, is_too_large = b"", True
    return Request(
        method=native.method,
        path=f"/{path}",
        root=native.path[: len(native.path) - len(path)].rstrip("/"),
        query=native.META.get("QUERY_STRING", ""),
        headers={name.lower(): value for name, value in native.headers.items()},
        scheme=native.scheme,
        body=body,
        is_too_large=is_too_large,
    )
