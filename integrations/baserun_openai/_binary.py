"""Descriptions of binary payloads, which are stored in their place."""

from __future__ import annotations

import base64
import hashlib
import io
import os
from typing import Any

Description = dict[str, Any]
"""``type`` (a media type), ``size`` (bytes) and ``sha256``; unknown ones are left out."""


def describe_bytes(data: bytes, media_type: str | None = None) -> Description:
    """Describe `data`."""
    described = {"type": media_type, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    return {name: value for name, value in described.items() if value is not None}


def describe_base64(text: str, media_type: str | None = None) -> Description:
    """Describe the bytes that `text` encodes."""
    return describe_bytes(decode_base64(text), media_type)


def decode_base64(text: str) -> bytes:
    """Decode base64; return text that is not base64 as its own bytes, in UTF-8."""
    try:
        return base64.b64decode(text)
    except ValueError:
        return text.encode("utf-8", "surrogatepass")


def capture_file(file: Any) -> Any:
    """Capture a file to upload without reading it; runs on the caller's thread.

    Bytes are immutable and kept by reference. A file object may be read and closed later, so its name and size are
    taken now.
    """
    name, content, media_type = _parts_of(file)
    if isinstance(content, bytes):
        return name, content, media_type
    return name or _name_of(content), _size_of(content), media_type


def describe_file(captured: Any) -> Description:
    """Describe what `capture_file` returned; runs on the writer's thread."""
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
    except (AttributeError, OSError, ValueError):  # not a file, or a closed one
        return None
