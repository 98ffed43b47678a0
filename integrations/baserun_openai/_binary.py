"""Payloads that are described instead of stored."""

from __future__ import annotations

import base64
import hashlib
import io
import os
from typing import Any

Description = dict[str, Any]
"""``type`` (a media type), ``size`` (bytes) and ``sha256``; what is unknown is left out."""


def describe_bytes(data: bytes, media_type: str | None = None) -> Description:
    """Say what `data` is."""
    described = {"type": media_type, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    return {name: value for name, value in described.items() if value is not None}


def describe_base64(text: str, media_type: str | None = None) -> Description:
    """Say what the bytes are that `text` encodes."""
    return describe_bytes(decode_base64(text), media_type)


def decode_base64(text: str) -> bytes:
    """The bytes that `text` encodes; its own, where it is no base64."""
    try:
        return base64.b64decode(text)
    except ValueError:
        return text.encode("utf-8", "surrogatepass")


def capture_file(file: Any) -> Any:
    """On the caller's thread: of a file to upload, what can be told without reading it.

    Bytes are immutable and kept by reference. A file object moves on and may be closed, so its name and size are
    taken now.
    """
    name, content, media_type = _parts_of(file)
    if isinstance(content, bytes):
        return name, content, media_type
    return name or _name_of(content), _size_of(content), media_type


def describe_file(captured: Any) -> Description:
    """On the writer's thread: say what `capture_file` took."""
    name, content, media_type = captured
    if isinstance(content, bytes):
        described = describe_bytes(content, media_type)
    else:
        described = {"type": media_type, "size": content}
    known = {"name": name, **described}
    return {key: value for key, value in known.items() if value is not None}


def _parts_of(file: Any) -> tuple[str | None, Any, str | None]:
    if not isinstance(file, tuple):
        return None, file, None
    name = file[0] if file and isinstance(file[0], str) else None
    content = file[1] if len(file) > 1 else None
    media_type = file[2] if len(file) > 2 and isinstance(file[2], str) else None
    return name, content, media_type


def _name_of(content: Any) -> str | None:
    name = getattr(content, "name", None)
    return os.path.basename(name) if isinstance(name, str) else None


def _size_of(content: Any) -> int | None:
    try:
        if isinstance(content, io.BytesIO):
            return content.getbuffer().nbytes
        return os.fstat(content.fileno()).st_size
    except (AttributeError, OSError, ValueError):  # no file, or one that is closed
        return None
