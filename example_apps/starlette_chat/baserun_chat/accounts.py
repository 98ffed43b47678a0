"""Login and logout: people give their e-mail address, staff a password too."""

from __future__ import annotations

from secrets import compare_digest

from starlette.authentication import AuthCredentials, AuthenticationBackend, BaseUser, UnauthenticatedUser
from starlette.requests import HTTPConnection, Request
from starlette.responses import RedirectResponse, Response

from baserun_chat.settings import Settings
from baserun_chat.state import settings_of, templates

STAFF = "staff"


class Person(BaseUser):
    """A logged-in user. Baserun reads `email` and keeps only its hash."""

    def __init__(self, email: str) -> None:
        self.email = email

    @property
    def is_authenticated(self) -> bool:
        return True

    @property
    def display_name(self) -> str:
        return self.email


class SessionBackend(AuthenticationBackend):
    """Reads the user from the session cookie, which SessionMiddleware signs."""

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, BaseUser]:
        email = conn.session.get("email")
        if email is None:
            return AuthCredentials(), UnauthenticatedUser()
        scopes = ["authenticated", STAFF] if conn.session.get(STAFF) else ["authenticated"]
        return AuthCredentials(scopes), Person(email)


def is_staff(connection: HTTPConnection) -> bool:
    """Return whether the user may see the pages with everybody's conversations."""
    return settings_of(connection).open_pages or STAFF in connection.auth.scopes


async def log_in(request: Request) -> Response:
    """Show the login form, and log in who posts it."""
    if request.method == "GET":
        return templates.TemplateResponse(request, "login.html")
    async with request.form() as form:
        email, password = (str(form.get(name, "")).strip() for name in ("email", "password"))
    problem = _problem(settings_of(request), email, password)
    if problem:
        return templates.TemplateResponse(request, "login.html", {"problem": problem, "email": email}, status_code=400)
    request.session.clear()
    request.session.update({"email": email, STAFF: _is_staff_address(settings_of(request), email)})
    return RedirectResponse(request.url_for("chat"), status_code=303)


async def log_out(request: Request) -> Response:
    """End the login."""
    request.session.clear()
    return RedirectResponse(request.url_for("log_in"), status_code=303)


def _problem(settings: Settings, email: str, password: str) -> str | None:
    # Anybody may claim any address: the one thing not to copy. Put your own login here.
    if not 3 <= len(email) <= 200 or "@" not in email:
        return "Please give an e-mail address."
    if _is_staff_address(settings, email) and not compare_digest(
        password.encode(), str(settings.staff_password).encode()
    ):
        return "The password is not right."
    return None


def _is_staff_address(settings: Settings, email: str) -> bool:
    return bool(settings.staff_password) and email.casefold() == settings.staff_email.casefold()
