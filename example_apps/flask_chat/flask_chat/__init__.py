"""A chat in Flask whose sessions and users Baserun records."""

from __future__ import annotations

from flask_chat.app import create_app

__all__ = ["create_app"]
