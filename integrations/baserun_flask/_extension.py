"""The extension: `baserun.web` in Flask's terms."""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Callable, Sequence
from typing import Any

from flask import Flask, Response, got_request_exception, request_finished, request_started
from werkzeug.local import LocalProxy

from baserun.exceptions import ConfigurationError
from baserun.web import WSGIMiddleware, active_request
from baserun_flask._options import options_from
from baserun_flask._request import FlaskRequest

NAME = "baserun"
"""The key of the extension in ``app.extensions``."""


class Baserun:
    """Gives every request of a Flask application a session and a trace.

        Baserun(app)
        Baserun().init_app(app)                     # in a factory

    The session is ``g.baserun_session``, or `baserun.current_session`. Its user is Flask-Login's ``current_user``, if
    that is installed, unless there is a `get_user`. Session tokens are signed with the application's ``SECRET_KEY``,
    and ``SECRET_KEY_FALLBACKS`` are accepted.

    Args:
        app: The application; left out, call `init_app` later.
        options: See `baserun.web.WebOptions`, each also read from ``app.config["BASERUN_<NAME>"]``; `get_user` gets
            the `flask.Request`.

    Raises:
        ConfigurationError: An option cannot be used, or `app` is no Flask application.
        TypeError: There is no such option.
    """

    def __init__(self, app: Flask | None = None, **options: Any) -> None:
        self._options = options
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask, **options: Any) -> None:
        """Set up `app`; a second call for the same application changes nothing.

        Raises:
            ConfigurationError: An option cannot be used, or `app` is no Flask application.
            TypeError: There is no such option.
        """
        if isinstance(app, LocalProxy):
            app = app._get_current_object()  # of `current_app`
        if not isinstance(app, Flask):
            raise ConfigurationError(f"Baserun takes the application, such as Flask(__name__), not {app!r}")
        if "secret" in {**self._options, **options}:
            raise ConfigurationError("session tokens are signed with app.secret_key; set that, and leave secret out")
        if NAME in app.extensions:
            return
        given = options_from(app.config, {**self._options, **options})
        app.extensions[NAME] = _Installed(app, given)


class _Installed:
    """The middleware of one application, and the receivers of its signals, which this object keeps alive."""

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
    """Return the request that Flask is handling; None if it did not come through our middleware."""
    found = active_request()
    return found if isinstance(found, FlaskRequest) and found.is_current() else None


def _secrets_of(app: Flask) -> Callable[[], Sequence[str | bytes] | None]:
    """Return a function of the application's current keys, the newest first."""
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
