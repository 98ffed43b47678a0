"""Serving the pages on a WSGI server, by themselves or in a Flask application."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from baserun.exceptions import ConfigurationError
from baserun_monitor._exchange import MOST_BODY, Request, Response
from baserun_monitor._live import Live

if TYPE_CHECKING:
    from baserun_monitor._pages import Pages

METHODS = ("GET", "HEAD", "POST")


def serve(
    pages: Pages, environ: dict[str, Any], start_response: Callable[..., Any], native: Any = None
) -> Iterable[bytes]:
    """Serve one request; `allow` gets `native`, or the WSGI environment."""
    response = _answer(pages, environ, environ if native is None else native)
    headers = [*response.headers.items(), *(("Set-Cookie", cookie) for cookie in response.cookies)]
    if isinstance(response.body, bytes):
        headers.append(("Content-Length", str(len(response.body))))
    status = HTTPStatus(response.status)
    start_response(f"{status.value} {status.phrase}", headers)
    return [] if environ["REQUEST_METHOD"] == "HEAD" else body_of(response)


def is_allowed(pages: Pages, native: Any) -> bool:
    """Return what `allow` says of the request; here it cannot be async.

    Raises:
        ConfigurationError: `allow` is async.
    """
    if pages.allow is None:
        return True
    answer = pages.allow(native)
    if inspect.isawaitable(answer):
        if inspect.iscoroutine(answer):
            answer.close()
        raise ConfigurationError("allow is async, and this application is not: write a plain function for Pages().")
    return bool(answer)


def body_of(response: Response) -> Iterable[bytes]:
    """Return the chunks of a body; of live events only a single check, where an ASGI server would stream."""
    if isinstance(response.body, Live):
        return [response.body.once()]
    return [response.body] if isinstance(response.body, bytes) else response.body


def flask_blueprint(pages: Pages) -> Any:
    """Return a blueprint of the pages: ``app.register_blueprint(flask_blueprint(pages), url_prefix="/baserun")``.

    `allow` gets Flask's request, and is called in the context of the request, so that it can use the current user.
    """
    from flask import Blueprint, request
    from werkzeug.wrappers import Response as WerkzeugResponse

    check_pages(pages, "flask_blueprint")
    blueprint = Blueprint("baserun_monitor", "baserun_monitor")

    def show(path: str = "") -> WerkzeugResponse:
        environ = request.environ
        inside = {**environ, "PATH_INFO": f"/{path.encode().decode('latin-1')}"}
        prefix = environ["PATH_INFO"][: len(environ["PATH_INFO"]) - len(inside["PATH_INFO"])]
        inside["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + prefix
        return WerkzeugResponse.from_app(lambda given, start: serve(pages, given, start, request), inside)

    blueprint.add_url_rule("/", "root", show, methods=METHODS)
    blueprint.add_url_rule("/<path:path>", "page", show, methods=METHODS)
    return blueprint


def check_pages(pages: object, function: str) -> None:
    """Raise if `function` was not given pages."""
    from baserun_monitor._pages import Pages

    if not isinstance(pages, Pages):
        raise ConfigurationError(f"{function}() takes pages, such as Pages(allow=is_staff), not {pages!r}")


def _answer(pages: Pages, environ: dict[str, Any], native: Any) -> Response:
    request = _request(environ)
    return pages.answer(request, is_allowed=not request.is_too_large and is_allowed(pages, native))


def _request(environ: dict[str, Any]) -> Request:
    """Translate a WSGI environment."""
    length = _length(environ)
    is_too_large = length > MOST_BODY
    headers = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")}
    headers["content-type"] = environ.get("CONTENT_TYPE", "")
    headers.setdefault("host", environ.get("SERVER_NAME", ""))
    return Request(
        method=environ["REQUEST_METHOD"],
        path=_text(environ.get("PATH_INFO", "")) or "/",
        root=_text(environ.get("SCRIPT_NAME", "")).rstrip("/"),
        query=environ.get("QUERY_STRING", ""),
        headers=headers,
        scheme=environ.get("wsgi.url_scheme", "http"),
        body=environ["wsgi.input"].read(length) if length and not is_too_large else b"",
        is_too_large=is_too_large,
    )


def _length(environ: dict[str, Any]) -> int:
    try:
        return max(0, int(environ.get("CONTENT_LENGTH") or 0))
    except ValueError:
        return 0


def _text(value: str) -> str:
    """Decode a path, whose UTF-8 bytes WSGI gives as Latin-1."""
    return value.encode("latin-1", "replace").decode("utf-8", "replace")
