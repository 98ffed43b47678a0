"""The visitor for a framework's user object."""

from __future__ import annotations

from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest
from starlette.authentication import SimpleUser, UnauthenticatedUser

from baserun.web import ANONYMOUS, UNKNOWN, Visitor, visitor_of
from baserun.web._visitor import answer_of_get_user


class User:
    def __init__(self, **facts: Any) -> None:
        self.__dict__.update(facts)


def hashed(text: str) -> Visitor:
    return Visitor(sha256(text.encode()).hexdigest())


@pytest.mark.parametrize(
    ("user", "visitor"),
    [
        (None, UNKNOWN),
        (User(), UNKNOWN),
        (User(email="ann@example.com"), hashed("ann@example.com")),
        (User(email="ann@example.com", id=7), hashed("ann@example.com")),
        (User(email="", id=7), hashed(f"{__name__}.User:7")),
        (User(email=None, pk=0), hashed(f"{__name__}.User:0")),
        (User(email=7, id=True), UNKNOWN),
        (User(is_authenticated=False, email="ann@example.com"), ANONYMOUS),
        (User(is_authenticated=lambda: False), ANONYMOUS),
        (User(is_authenticated=True, email="ann@example.com"), hashed("ann@example.com")),
        ({"email": "ann@example.com", "sub": "1"}, hashed("ann@example.com")),
        ({"sub": "1"}, hashed("claims:1")),
        (UnauthenticatedUser(), ANONYMOUS),
        (SimpleUser("ann@example.com"), hashed("ann@example.com")),
        (SimpleUser("ann"), hashed("starlette.authentication.SimpleUser:ann")),
        (Visitor("as it is"), Visitor("as it is")),
    ],
)
def test_is_by_email_then_by_key(user: object, visitor: Visitor) -> None:
    """A user is identified by the e-mail address, else by the key with its class; an empty value identifies nobody."""
    assert visitor_of(user) == visitor


def test_str_of_get_user_is_used_unchanged() -> None:
    """A str returned by `get_user` is the user identifier."""
    assert answer_of_get_user("customer-7") == Visitor("customer-7")


@pytest.mark.parametrize("answer", [7, b"customer-7", UUID(int=7)])
def test_bare_key_is_an_error(answer: object) -> None:
    """A primary key from `get_user` that is no str raises, instead of identifying nobody without a word."""
    with pytest.raises(
        ValueError, match=r"returned \w+, which is no user; return baserun.hash_user\(email\) or str\(pk\)"
    ):
        answer_of_get_user(answer)


@pytest.mark.parametrize("answer", [None, False, {}, object()])
def test_nobody_is_no_error(answer: object) -> None:
    """Nobody may be said in other ways than None, such as by ``user and user.email``."""
    assert answer_of_get_user(answer) == UNKNOWN


@pytest.mark.parametrize("answer", ["", "a\nb", "x" * 513])
def test_impossible_answer_is_an_error(answer: str) -> None:
    """A str from `get_user` that is no valid user identifier raises."""
    with pytest.raises(ValueError, match=r"get_user\(\) returned a str that cannot identify a user"):
        answer_of_get_user(answer)
