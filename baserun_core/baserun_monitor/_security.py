"""Access control: the check of the host, the key, and the CSRF token that changes need."""

from __future__ import annotations

import hmac
import ipaddress
import re
import secrets
from collections.abc import Collection
from hashlib import sha256
from urllib.parse import quote

from itsdangerous import BadSignature, TimestampSigner

from baserun.exceptions import ConfigurationError
from baserun_monitor._exchange import Request

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
        " form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
LOOPBACK = ("localhost", "127.0.0.1", "::1")
SHORTEST_KEY = 16
_NAME = re.compile(r"(?!\.)[A-Za-z0-9._-]+")
LOGIN_SECONDS = 12 * 3600
KEY_COOKIE, TOKEN_COOKIE = "baserun_monitor_key", "baserun_monitor_token"
"""The first gets a suffix derived from the key: browsers share cookies between the ports of a host."""


def host_name(header: str) -> str:
    """Return the name in a Host header, without the port and the brackets of IPv6."""
    if header.startswith("["):
        return header[1:].partition("]")[0].lower()
    return header.partition(":")[0].rstrip(".").lower()


def is_known_host(header: str, names: Collection[str] | None, *, any_address: bool) -> bool:
    """Whether a Host header has an accepted name, as a defence against DNS rebinding.

    Args:
        header: The Host header.
        names: The accepted names; None accepts all, where the host application checks.
        any_address: Also accept any IP address, which no DNS can redirect.
    """
    if names is None:
        return True
    name = host_name(header)
    return name in names or (any_address and _is_address(name))


def check_names(names: Collection[str] | None) -> frozenset[str] | None:
    """Return the names as they are compared with a Host header, in lower case.

    Raises:
        ConfigurationError: They are no collection of names and addresses.
    """
    if names is None:
        return None
    if isinstance(names, str) or not isinstance(names, Collection):
        raise ConfigurationError(f"hosts must be a list of names such as ['logs.example.com'], not {names!r}")
    for name in names:
        if not isinstance(name, str) or not (_NAME.fullmatch(name) or _is_address(name)):
            raise ConfigurationError(
                f"a name in hosts is one such as 'logs.example.com', without scheme, port and '*', not {name!r}"
            )
    return frozenset(name.rstrip(".").lower() for name in names)


def check_key(key: str) -> str:
    """Return `key` if it is long enough not to be guessed.

    Raises:
        ConfigurationError: It is no str, or has fewer than `SHORTEST_KEY` characters.
    """
    if not isinstance(key, str):
        raise ConfigurationError(f"key must be a str of at least {SHORTEST_KEY} characters, not {type(key).__name__}")
    if len(key) < SHORTEST_KEY:
        raise ConfigurationError(
            f"The key has {len(key)} characters, the least is {SHORTEST_KEY}. Make one with "
            "`python -c 'import secrets; print(secrets.token_urlsafe(24))'`."
        )
    return key


class Door:
    """Checks the key, and remembers a login for 12 hours in a signed cookie that does not contain the key."""

    def __init__(self, key: str) -> None:
        self._digest = sha256(check_key(key).encode()).digest()
        self._signer = TimestampSigner(self._digest, salt="baserun.monitor", digest_method=sha256)
        self._cookie = f"{KEY_COOKIE}_{hmac.new(self._digest, b'baserun.monitor.cookie', sha256).hexdigest()[:8]}"

    def opens_for(self, key: str) -> bool:
        """Whether `key` is the right one, compared in constant time."""
        return hmac.compare_digest(sha256(key.encode("utf-8", "replace")).digest(), self._digest)

    def is_open(self, request: Request) -> bool:
        """Whether this visitor has logged in."""
        try:
            self._signer.unsign(request.cookies.get(self._cookie, ""), max_age=LOGIN_SECONDS)
        except BadSignature:
            return False
        return True

    def cookie(self, request: Request) -> str:
        """Return the Set-Cookie header of a login."""
        value = self._signer.sign(secrets.token_urlsafe(12)).decode()
        return cookie(self._cookie, value, request, LOGIN_SECONDS)

    def no_cookie(self, request: Request) -> str:
        """Return the Set-Cookie header of a logout."""
        return cookie(self._cookie, "", request, 0)


def cookie(name: str, value: str, request: Request, max_age: int | None = None) -> str:
    """Return a Set-Cookie header for the path of the pages."""
    age = "" if max_age is None else f"; Max-Age={max_age}"
    secure = "; Secure" if request.scheme == "https" else ""
    return f"{name}={value}; Path={quote(request.root) or '/'}; HttpOnly; SameSite=Strict{age}{secure}"


def token_for(secret: str) -> str:
    """Return the CSRF token of forms, derived from the cookie; pages of other sites can read neither."""
    return hmac.new(secret.encode(), b"baserun.monitor.form", sha256).hexdigest()


def may_change(request: Request) -> bool:
    """Whether the request has the CSRF token of this visitor and comes from our pages."""
    secret = request.cookies.get(TOKEN_COOKIE, "")
    given = request.form.get("token", "")
    return bool(secret) and hmac.compare_digest(token_for(secret).encode(), given.encode()) and is_same_site(request)


def is_same_site(request: Request) -> bool:
    """Whether the request comes from our own pages, by the headers Sec-Fetch-Site and Origin.

    Because our pages have the policy no-referrer, browsers send "null" as the origin of their forms. Sec-Fetch-Site is
    exact, but is not sent over plain http to another machine.
    """
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = request.headers.get("origin", "null")
    return origin == "null" or origin.partition("://")[2] == request.headers.get("host")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
