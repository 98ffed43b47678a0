"""The extension: Flask's words for what `baserun.web` does."""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Callable, Sequence
from typing import Any

from flask import Flask, Response, got_request_exception, request_finished, request_started

from baserun.web import WSGIMiddleware, active_request
from baserun_flask._options import options_from
from baserun_flask._request import FlaskRequest

NAME = "baserun"
"""Where the extension keeps what belongs to an application: ``app.extensions["baserun"]``."""


class Baserun:
    """Puts every request of a Flask application in its session.

        Baserun(app)
        Baserun().init_app(app)                     # in a factory

    Views find the session as ``g.baserun_session``, or by `baserun.current_session`. The user is Flask-Login's where
    that is used, unless `get_user` says otherwise.

    Args:
        app: The application, if it is there already.
        options: See `baserun.web.WebOptions`, each also read from ``app.config["BASERUN_<NAME>"]``; `get_user` gets
            the `flask.Request`.

    Raises:
        ConfigurationError: An option cannot be used.
        TypeError: There is no such option.
    """

    def __init__(self, app: Flask | None = None, **options: Any) -> None:
        self._options = options
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask, **options: Any) -> None:
        """Set up `app`; a second time changes nothing. Secrets are the application's own, rotated ones included."""
        if NAME in app.extensions:
            return
        given = options_from(app.config, {**self._options, **options})
        app.extensions[NAME] = _Installed(app, given)


class _Installed:
    """What one application has: its middleware, and the ears on its signals, which it keeps alive."""

    def __init__(self, app: Flask, options: dict[str, Any]) -> None:
        self.middleware = WSGIMiddleware(app.wsgi_app, secret=_secrets_of(app), **options)
        self.middleware.request_class = FlaskRequest
        app.wsgi_app = self.middleware  # type: ignore[method-assign]
        request_started.connect(self._started, app)
        request_finished.connect(self._finished, app)
        got_request_exception.connect(self._failed, app)
        if _has_flask_login():
            from flask_login.signals import user_logged_in, user_logged_out

            user_logged_in.connect(self._logged_in, app)
            user_logged_out.connect(self._logged_out, app)

    def _started(self, app: Flask, **_: Any) -> None:
        found = _current()
        if found is not None:
            found.begun()

    def _finished(self, app: Flask, response: Response, **_: Any) -> None:
        found = _current()
        if found is not None:
            is_file = response.direct_passthrough and not inspect.isgenerator(response.response)
            is_text = not response.is_streamed and not response._on_close
            found.answered(is_whole=is_file or is_text)

    def _failed(self, app: Flask, exception: BaseException, **_: Any) -> None:
        found = _current()
        if found is not None:
            found.failed(exception)

    def _logged_in(self, app: Flask, **_: Any) -> None:
        found = _current()
        if found is not None:
            found.logged_in()

    def _logged_out(self, app: Flask, **_: Any) -> None:
        found = _current()
        if found is not None:
            found.logged_out()


def _current() -> FlaskRequest | None:
    """The request of ours that Flask is handling; none where it handles one that no server has sent."""
    found = active_request()
    return found if isinstance(found, FlaskRequest) and found.is_current() else None


def _secrets_of(app: Flask) -> Callable[[], Sequence[str | bytes] | None]:
    """The application's keys as they are at each moment, the newest first."""
    reference = weakref.ref(app)

    def secrets() -> Sequence[str | bytes] | None:
        owner = reference()
        if owner is None or not owner.secret_key:
            return None
        return [owner.secret_key, *(owner.config.get("SECRET_KEY_FALLBACKS") or ())]

    return secrets


def _has_flask_login() -> bool:
    import importlib.util

    return importlib.util.find_spec("flask_login") is not None
