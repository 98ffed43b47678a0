"""Who may look: the host that was asked for, the key, and the token without which nothing changes."""

from __future__ import annotations

import hmac
import ipaddress
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
LOGIN_SECONDS = 12 * 3600
KEY_COOKIE, TOKEN_COOKIE = "baserun_monitor_key", "baserun_monitor_token"
"""The first with a sign of the key behind it: browsers do not tell apart the cookies of two ports of a host."""


def host_name(header: str) -> str:
    """The name in a Host header, without the port and the brackets of IPv6."""
    if header.startswith("["):
        return header[1:].partition("]")[0].lower()
    return header.partition(":")[0].rstrip(".").lower()


def is_known_host(header: str, names: Collection[str] | None, *, any_address: bool) -> bool:
    """Whether these pages are meant; a name that somebody else's DNS points here is none of ours.

    Args:
        names: None leaves the question to the application that the pages are mounted in.
        any_address: A bare IP address is good too: no DNS can point it elsewhere.
    """
    if names is None:
        return True
    name = host_name(header)
    return name in names or (any_address and _is_address(name))


def check_key(key: str) -> str:
    """Return a key that is long enough not to be guessed.

    Raises:
        ConfigurationError: It is not.
    """
    if len(key) < SHORTEST_KEY:
        raise ConfigurationError(
            f"The key has {len(key)} characters, the least is {SHORTEST_KEY}. Make one with "
            "`python -c 'import secrets; print(secrets.token_urlsafe(24))'`."
        )
    return key


class Door:
    """Lets in who knows the key, and remembers it for a working day in a cookie that does not hold the key."""

    def __init__(self, key: str) -> None:
        self._digest = sha256(check_key(key).encode()).digest()
        self._signer = TimestampSigner(self._digest, salt="baserun.monitor", digest_method=sha256)
        self._cookie = f"{KEY_COOKIE}_{hmac.new(self._digest, b'baserun.monitor.cookie', sha256).hexdigest()[:8]}"

    def opens_for(self, key: str) -> bool:
        """Compare in constant time."""
        return hmac.compare_digest(sha256(key.encode("utf-8", "replace")).digest(), self._digest)

    def is_open(self, request: Request) -> bool:
        """Whether this visitor has logged in."""
        try:
            self._signer.unsign(request.cookies.get(self._cookie, ""), max_age=LOGIN_SECONDS)
        except BadSignature:
            return False
        return True

    def cookie(self, request: Request) -> str:
        """Remembers that the visitor knew the key."""
        value = self._signer.sign(secrets.token_urlsafe(12)).decode()
        return cookie(self._cookie, value, request, LOGIN_SECONDS)

    def no_cookie(self, request: Request) -> str:
        """Forgets the visitor."""
        return cookie(self._cookie, "", request, 0)


def cookie(name: str, value: str, request: Request, max_age: int | None = None) -> str:
    """A Set-Cookie header for the pages only."""
    age = "" if max_age is None else f"; Max-Age={max_age}"
    secure = "; Secure" if request.scheme == "https" else ""
    return f"{name}={value}; Path={quote(request.root) or '/'}; HttpOnly; SameSite=Strict{age}{secure}"


def token_for(secret: str) -> str:
    """The token for forms that belongs to the cookie; nobody else's page can read either."""
    return hmac.new(secret.encode(), b"baserun.monitor.form", sha256).hexdigest()


def may_change(request: Request) -> bool:
    """Whether a form of ours, in this visitor's browser, asks for the change."""
    secret = request.cookies.get(TOKEN_COOKIE, "")
    given = request.form.get("token", "")
    return bool(secret) and hmac.compare_digest(token_for(secret).encode(), given.encode()) and is_same_site(request)


def is_same_site(request: Request) -> bool:
    """Whether the browser says that the request comes from our own pages.

    Since our pages send no referrer, browsers name the origin of their forms "null"; those that know better say so in
    Sec-Fetch-Site, which plain http to another machine does not have.
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
