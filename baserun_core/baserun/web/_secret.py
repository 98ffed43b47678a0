"""The secret that signs session tokens where the framework has none: the configured one, or a generated one."""

from __future__ import annotations

import contextlib
import os
import secrets
from functools import lru_cache

from baserun._current import runtime
from baserun._guard import say, say_once
from baserun.store._location import StoreLocation, make_folder

SUFFIX = ".secret"


def default_secret() -> str:
    """Return the secret of `init(secret=...)` or ``BASERUN_SECRET``, else the one generated beside the local store."""
    config = runtime().config
    if config.secret is not None:
        return config.secret
    if not config.enabled or not isinstance(config.store, StoreLocation) or config.store.is_temporary:
        return _of_this_process()
    return _kept(config.store.path, config.store.is_default)


@lru_cache(maxsize=1)
def _of_this_process() -> str:
    return secrets.token_urlsafe(32)


@lru_cache(maxsize=16)
def _kept(store: str, is_default: bool) -> str:
    path = store + SUFFIX
    try:
        with contextlib.suppress(FileNotFoundError):
            return _read(path)
        _make(path, is_default)
        return _read(path)
    except (OSError, ValueError) as error:
        say_once(
            "secret",
            "no secret is set, and none can be kept in %s (%s): sessions of the web will not be resumed after a "
            "restart or by another worker; set BASERUN_SECRET",
            path,
            error,
        )
        return _of_this_process()


def _read(path: str) -> str:
    with open(path, encoding="ascii") as file:
        secret = file.read().strip()
    if len(secret) < 32:
        raise ValueError("it holds no secret")
    return secret


def _make(path: str, is_default: bool) -> None:
    make_folder(path, is_own=is_default)
    draft = f"{path}.{os.getpid()}.{secrets.token_hex(4)}"
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(32) + "\n")
    try:
        os.link(draft, path)  # atomic: the file is complete, and only the first of several workers makes it
        say("info", "no secret is set, so session tokens are signed with a new one in %s", path)
    except FileExistsError:
        pass
    finally:
        os.unlink(draft)
