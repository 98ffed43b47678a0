"""The signed session token: its content, owner and expiry, and that nothing else passes for one."""

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from itsdangerous import TimestampSigner

from baserun.web._token import LEEWAY, MOST_CHARACTERS, SESSION_SALT, Keys, TokenError

NOW = 1_800_000_000
IDS = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=200)
USERS = st.one_of(st.none(), st.text(min_size=1, max_size=80))


def keys(*secrets: str, now: int = NOW) -> Keys:
    return Keys(secrets or ("secret",), lambda: now)


@given(session_id=IDS, started=st.integers(0, NOW), user=USERS)
def test_reads_back_what_was_signed(session_id: str, started: int, user: str | None) -> None:
    """A token gives back the session's id, start and owner."""
    mine = keys()

    ticket = mine.read(mine.sign(session_id, started, mine.owner(user)))

    assert (ticket.session_id, ticket.started, ticket.issued) == (session_id, started, NOW)
    assert mine.is_owner(ticket.owner, user)


@given(session_id=IDS)
def test_fits_into_a_cookie(session_id: str) -> None:
    """A token has only characters that a cookie can carry without quotes, and at most `MOST_CHARACTERS`."""
    token = keys().sign(session_id, NOW, keys().owner("u"))

    assert len(token) <= MOST_CHARACTERS
    assert not set(token) & set(' ",;\\')
    assert token.isascii()


@given(owner=USERS, other=USERS)
def test_is_bound_to_its_owner(owner: str | None, other: str | None) -> None:
    """A token belongs to its owner only; one without an owner belongs to no user."""
    tag = keys().owner(owner)

    assert keys().is_owner(tag, other) is (owner == other)


def test_hides_who_its_owner_is() -> None:
    """The owner's tag contains no plain or unkeyed hash of the user, and depends on the secret."""
    user = hashlib.sha256(b"ann@example.com").hexdigest()

    tag = keys().owner(user)

    assert user not in tag
    assert base64.urlsafe_b64decode(tag) != bytes.fromhex(user)[:12]
    assert tag != keys("another").owner(user)


@given(data=st.data())
def test_changed_in_any_place_is_forged(data: st.DataObject) -> None:
    """A token with any character changed, dropped or inserted is refused."""
    token = keys().sign("session", NOW, keys().owner("u"))
    at = data.draw(st.integers(0, len(token) - 1))
    put = data.draw(st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=2))
    changed = token[:at] + put + token[at + 1 :]

    # The last character of a signature has bits to spare, so two texts can mean the same signature.
    if changed != token and base64_of(changed) != base64_of(token):
        with pytest.raises(TokenError):
            keys().read(changed)


def base64_of(token: str) -> tuple[str, bytes | None]:
    payload, _, signature = token.rpartition(".")
    try:
        standard = signature.replace("-", "+").replace("_", "/")
        return payload, base64.b64decode(standard + "=" * (-len(standard) % 4))
    except ValueError:
        return payload, None


@given(garbage=st.one_of(st.text(), st.binary().map(lambda raw: raw.decode("latin-1"))))
def test_garbage_is_refused_with_a_reason(garbage: str) -> None:
    """Any garbage is refused with one of four reasons, and no other exception."""
    with pytest.raises(TokenError) as refusal:
        keys().read(garbage)

    assert str(refusal.value) in ("oversized", "malformed", "forged", "future")


@pytest.mark.storm
@settings(max_examples=10_000)
@given(garbage=st.text(st.characters(max_codepoint=0x2FF), max_size=2000))
def test_ten_thousand_pieces_of_garbage_are_refused(garbage: str) -> None:
    """Ten thousand pieces of garbage are refused."""
    with pytest.raises(TokenError):
        keys().read(garbage)


def test_of_another_application_is_forged() -> None:
    """A token signed with another secret is forged."""
    with pytest.raises(TokenError, match="forged"):
        keys("mine").read(keys("theirs").sign("s", NOW, ""))


def test_of_another_purpose_is_forged() -> None:
    """A value that the same secret signed for another purpose is forged."""
    mine = keys()

    with pytest.raises(TokenError, match="forged"):
        mine.read(mine.signer(b"other").sign(f"s.{NOW}.").decode())


def test_a_secret_of_any_bytes_signs() -> None:
    """A secret with bytes that are not UTF-8, as from the environment, signs tokens."""
    mine = keys("se\udcffcret")

    assert mine.read(mine.sign("s", NOW, mine.owner("ann"))).session_id == "s"


def test_the_newest_secret_signs() -> None:
    """The first secret, the newest, signs (Flask once took the last: CVE-2025-47278)."""
    token = keys("new", "old").sign("s", NOW, "")

    assert keys("new").read(token).session_id == "s"
    with pytest.raises(TokenError):
        keys("old").read(token)


def test_an_older_secret_still_verifies() -> None:
    """A token signed with an older secret is valid, with the same owner, while that secret is listed."""
    before = keys("old")
    rotated = keys("new", "old")

    ticket = rotated.read(before.sign("s", NOW, before.owner("ann")))

    assert ticket.session_id == "s"
    assert rotated.is_owner(ticket.owner, "ann")
    assert not rotated.is_owner(ticket.owner, "bob")


def test_a_dropped_secret_verifies_nothing() -> None:
    """A token signed with a secret that is no longer listed is forged."""
    with pytest.raises(TokenError, match="forged"):
        keys("new").read(keys("old").sign("s", NOW, ""))


def test_a_token_from_a_clock_slightly_ahead_is_valid() -> None:
    """A token from a server whose clock is ahead by the leeway is valid."""
    token = keys(now=NOW + LEEWAY).sign("s", NOW, "")

    assert keys().read(token).issued == NOW + LEEWAY


def test_a_token_from_the_future_is_refused() -> None:
    """A token from further ahead than the leeway is refused."""
    with pytest.raises(TokenError, match="future"):
        keys().read(keys(now=NOW + LEEWAY + 1).sign("s", NOW, ""))


@pytest.mark.parametrize(
    ("rest", "age", "expired"),
    [(1800, 1800, False), (1801, 1801, True), (0, 86_400, False), (0, 86_401, True)],
)
def test_expires_after_rest_and_after_all(rest: int, age: int, expired: bool) -> None:
    """A token expires after 30 idle minutes, or 24 hours after the session's start."""
    ticket = keys().read(keys(now=NOW - rest).sign("s", NOW - age, ""))

    assert ticket.is_expired(NOW, idle=1800, absolute=86_400) is expired


@pytest.mark.parametrize("payload", ["s", "s.1", f"s.{NOW}", f"s.x{NOW}.", f"s.{NOW}.o.o", f".{NOW}.", f"~%%.{NOW}."])
def test_signed_but_of_another_form_is_malformed(payload: str) -> None:
    """A payload signed with our key but of an unknown form is malformed."""
    signer = TimestampSigner("secret", salt=SESSION_SALT, key_derivation="hmac", digest_method=hashlib.sha256)
    token = Keys(["secret"], lambda: 1 << 39).signer(SESSION_SALT).sign(payload).decode()
    assert signer.unsign(token).decode() == payload

    with pytest.raises(TokenError, match="malformed"):
        Keys(["secret"], lambda: 1 << 39).read(token)
