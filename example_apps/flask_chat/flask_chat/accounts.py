"""Login and logout: people give their e-mail address, staff a password too."""

from __future__ import annotations

from secrets import compare_digest

from flask import Blueprint, Flask, Request, current_app, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user

blueprint = Blueprint("accounts", __name__)


class Person(UserMixin):
    """A logged-in user. Baserun reads `email` and keeps only its hash."""

    def __init__(self, email: str, *, is_staff: bool = False) -> None:
        self.id = self.email = email
        self.is_staff = is_staff


def init_app(app: Flask) -> None:
    """Set up Flask-Login. Its users are read from the cookie; a real application reads them from its database."""
    manager = LoginManager(app)
    manager.login_view = "accounts.log_in"
    manager.user_loader(lambda email: Person(email, is_staff=session.get("is_staff", False)))


def may_see_pages(request: Request) -> bool:
    """Return whether the current user may see the pages with everybody's conversations: staff only."""
    return getattr(current_user, "is_staff", False)


@blueprint.route("/login", methods=["GET", "POST"])
def log_in() -> ResponseReturnValue:
    """Show the login form, and log in who posts it."""
    email = request.form.get("email", "").strip()
    if request.method == "GET":
        return render_template("login.html")
    problem = _problem(email, request.form.get("password", ""))
    if problem:
        return render_template("login.html", problem=problem, email=email), 400
    session.clear()
    session["is_staff"] = _is_staff(email)
    login_user(Person(email))
    return redirect(url_for("chat.index"), 303)


@blueprint.post("/logout")
def log_out() -> ResponseReturnValue:
    """End the login."""
    logout_user()
    session.clear()
    return redirect(url_for("accounts.log_in"), 303)


def _problem(email: str, password: str) -> str | None:
    # Anybody may claim any address: the one thing not to copy. Put your own login here.
    if not 3 <= len(email) <= 200 or "@" not in email:
        return "Please give an e-mail address."
    if _is_staff(email) and not compare_digest(password.encode(), current_app.config["STAFF_PASSWORD"].encode()):
        return "The password is not right."
    return None


def _is_staff(email: str) -> bool:
    config = current_app.config
    return bool(config["STAFF_PASSWORD"]) and email.casefold() == config["STAFF_EMAIL"].casefold()
