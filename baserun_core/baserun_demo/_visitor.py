"""A simulated visitor: an HTTP client that keeps cookies and reads streamed answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.client import HTTPResponse
from typing import Any
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, OpenerDirector, ProxyHandler, Request, build_opener

TIMEOUT = 60  # seconds without a byte


class Visitor:
    """A visitor who logs in to the application at `url` by e-mail address, and chats."""

    def __init__(self, url: str, email: str) -> None:
        self._url = url
        self._email = email
        self._browser: OpenerDirector = build_opener(ProxyHandler({}), HTTPCookieProcessor())

    def log_in(self) -> None:
        """Submit the login form."""
        self._submit("/login", email=self._email)

    def start_again(self) -> None:
        """Begin a new conversation."""
        self._submit("/new")

    def ask(self, message: str, *, leave_after: int | None = None) -> str | None:
        """Send a message, and read the answer; return its feedback token, or None if there is none.

        Args:
            message: The text of the message.
            leave_after: Close the connection after this number of pieces of the answer.
        """
        with self._post("/messages", {"message": message}) as response:
            for number, line in enumerate(_lines(response), start=1):
                if "feedback_token" in line:
                    token: str | None = line["feedback_token"]
                    return token
                if number == leave_after:
                    break
        return None

    def judge(self, token: str | None, **judgement: Any) -> None:
        """Give feedback on an answer: `thumbsup`, `comment`."""
        if token is not None:
            self._post("/feedback", {"token": token, **judgement}).close()

    def _submit(self, path: str, **fields: str) -> None:
        self._browser.open(Request(self._url + path, urlencode(fields).encode()), timeout=TIMEOUT).close()

    def _post(self, path: str, body: dict[str, Any]) -> HTTPResponse:
        headers = {"Content-Type": "application/json"}
        request = Request(self._url + path, json.dumps(body).encode(), headers)
        response: HTTPResponse = self._browser.open(request, timeout=TIMEOUT)
        return response


def _lines(response: HTTPResponse) -> Iterator[dict[str, Any]]:
    for line in response:
        yield json.loads(line)
