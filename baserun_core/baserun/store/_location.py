"""The location of a store: URLs and paths are resolved to an absolute path at once."""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from baserun.exceptions import ConfigurationError

DEFAULT_PATH = ".baserun/baserun.sqlite3"
MEMORY = "memory"

_POSSIBLE = (
    'Write "sqlite" (./.baserun/baserun.sqlite3), a path such as "data/baserun.sqlite3", '
    '"sqlite:///relative.sqlite3", "sqlite:////absolute/path.sqlite3" or "memory" (gone with the process).'
)
_LATER = {"postgresql", "postgres", "clickhouse", "clickhousedb", "mysql", "mariadb"}

_memory_folders: dict[str, tuple[str, int]] = {}
"""For each URL of a store in memory its folder, and the process that made it."""


class StoreLocation(msgspec.Struct, frozen=True):
    """Where a store is: an SQLite file."""

    path: str
    """Absolute."""
    is_default: bool = False
    """The folder is Baserun's own: it is made private and kept out of version control."""
    is_temporary: bool = False
    """The file is removed when this process exits."""

    @property
    def url(self) -> str:
        """The URL of the store, with its absolute path."""
        return f"sqlite:///{self.path}"


def resolve(url: str | os.PathLike[str] | StoreLocation | None = None) -> StoreLocation:
    """Return the location of the store of `url`; relative paths are resolved against the current directory now.

    Raises:
        ConfigurationError: `url` is not supported by this version.
    """
    if isinstance(url, StoreLocation):
        return url
    if url is None or url == "sqlite":
        return _at(os.path.abspath(DEFAULT_PATH))
    if isinstance(url, os.PathLike):
        return _file(os.fspath(url), url)
    if not isinstance(url, str):
        raise ConfigurationError(f"A store is named by a str or a path, not {type(url).__name__}. {_POSSIBLE}")
    return _parse(url)


def forget_memory(url: str) -> None:
    """Remove a store in memory before the process exits; the child of a fork leaves that to its parent."""
    folder, owner = _memory_folders.pop(url, ("", 0))
    _remove(folder, owner, shutil.rmtree)


def make_folder(path: str, *, is_own: bool) -> None:
    """Create the folder of the store at `path`, with mode 0700; Baserun's own also gets a `.gitignore`."""
    folder = os.path.dirname(path)
    os.makedirs(folder, mode=0o700, exist_ok=True)
    if is_own:
        with contextlib.suppress(FileExistsError), open(os.path.join(folder, ".gitignore"), "x") as file:
            file.write("*\n")


def _parse(url: str) -> StoreLocation:
    if url == MEMORY or url.startswith(f"{MEMORY}:"):
        return StoreLocation(os.path.join(_memory_folder(url), "baserun.sqlite3"), is_temporary=True)
    scheme, separator, rest = url.partition("://")
    if not separator:
        return _plain(url)
    if scheme == "sqlite":
        return _sqlite(rest, url)
    if scheme.split("+")[0].lower() in _LATER:
        raise ConfigurationError(f"The store {_shown(url)!r} is not in this version, only SQLite is. {_POSSIBLE}")
    raise ConfigurationError(f"The store {_shown(url)!r} has an unknown scheme. {_POSSIBLE}")


def _plain(path: str) -> StoreLocation:
    scheme, separator, rest = path.partition(":")
    if separator and scheme.lower() in ("sqlite", "file"):
        raise ConfigurationError(f"The store {path!r} is no URL of ours: write {'sqlite:///' + rest!r}.")
    looks_like_path = "/" in path or os.sep in path or "." in path
    if not looks_like_path:
        raise ConfigurationError(f"The store {path!r} is neither a known name nor a path. {_POSSIBLE}")
    return _file(path, path)


def _sqlite(rest: str, url: str) -> StoreLocation:
    if rest in ("/:memory:", "/", ""):
        raise ConfigurationError(f"The store {url!r} names no file. {_POSSIBLE}")
    if not rest.startswith("/"):
        raise ConfigurationError(
            f"The store {url!r} has two slashes where three belong: write {'sqlite:///' + rest!r}."
        )
    return _file(rest[1:], url)


def _file(path: str | bytes, given: object) -> StoreLocation:
    text = os.fsdecode(path)
    if "\0" in text or not text.strip():
        raise ConfigurationError(f"The store {given!r} is not a path. {_POSSIBLE}")
    absolute = os.path.abspath(os.path.expanduser(text))
    if os.path.isdir(absolute) or text.endswith(("/", os.sep)):
        suggestion = os.path.join(text, "baserun.sqlite3")
        raise ConfigurationError(f"The store {text!r} is a folder; name a file in it, such as {suggestion!r}.")
    return _at(absolute)


def _at(absolute: str) -> StoreLocation:
    """Resolve a link to the file itself: log and lock are beside that, the same for all processes that write."""
    if os.path.islink(absolute):
        return StoreLocation(os.path.realpath(absolute))
    return StoreLocation(absolute, is_default=absolute == os.path.abspath(DEFAULT_PATH))


def _shown(url: str) -> str:
    """Return the URL without credentials."""
    scheme, separator, rest = url.partition("://")
    return f"{scheme}{separator}***@{rest.rpartition('@')[2]}" if "@" in rest else url


def _memory_folder(url: str) -> str:
    """Return the folder of this store of the process, made in the system's temporary folder, which may be on a disk.

    A file can be read by other threads while the sink writes; a private in-memory database of SQLite cannot.
    """
    known = _memory_folders.get(url)
    if known is not None:
        return known[0]
    folder = tempfile.mkdtemp(prefix="baserun-memory-")
    _memory_folders[url] = folder, os.getpid()
    atexit.register(_remove, folder, os.getpid(), shutil.rmtree)
    return folder


def _remove(folder: str, owner: int, remove: Callable[..., Any]) -> None:
    if os.getpid() == owner and Path(folder).name.startswith("baserun-memory-"):
        remove(folder, ignore_errors=True)
