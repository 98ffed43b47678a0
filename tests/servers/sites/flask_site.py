"""A site in Flask for tests of servers: users log in by name, ask, and read streamed answers."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import openai
from flask import Flask, Response, request
from flask_login import LoginManager, UserMixin, login_required, login_user

from baserun_flask import Baserun

app = Flask(__name__)
app.secret_key = "a secret of the tests, long enough"
logins = LoginManager(app)
Baserun(app)


@cache
def client() -> openai.OpenAI:
    """Return our own client, made by the worker that uses it.

    When two threads use `openai.chat` for the first time at the same moment, one gets a client that is closed while in
    use. And under gunicorn's --preload gevent replaces the locks of threads after the module was imported: with a
    client made before, a worker hangs in its connection pool, with and without Baserun.
    """
    return openai.OpenAI()


class Person(UserMixin):  # type: ignore[misc]
    """A user who is known only by name."""

    def __init__(self, name: str) -> None:
        self.id = name
        self.email = f"{name}@example.com"


@logins.user_loader  # type: ignore[untyped-decorator]
def person(name: str) -> Person:
    return Person(name)


@app.get("/ready/")
def ready() -> str:
    return "ready"


@app.post("/login/")
def log_in() -> str:
    login_user(Person(request.form["name"]))
    return "welcome"


@app.post("/chat/")
@login_required  # type: ignore[untyped-decorator]
def chat() -> Response:
    return Response(words(request.form["message"]), mimetype="text/event-stream")


def words(message: str) -> Iterator[str]:
    answer = client().chat.completions.create(
        model="gpt-4o-mini", messages=[{"role": "user", "content": message}], stream=True
    )
    for chunk in answer:
        yield chunk.choices[0].delta.content or ""
