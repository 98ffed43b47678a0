"""The application."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from typing import Any

from flask import Flask
from openai import OpenAI

from baserun_flask import Baserun, feedback_view
from baserun_monitor import Pages, flask_blueprint
from flask_chat import accounts, chat, database, security


def create_app(config: Mapping[str, Any] | None = None) -> Flask:
    """Put the application together; ``flask --app flask_chat run`` serves it.

    Args:
        config: Values that take precedence over the environment, such as ``{"DATABASE": "..."}``.
    """
    app = Flask(__name__)
    app.config.from_mapping(
        SECRET_KEY=os.environ.get("CHAT_SECRET") or secrets.token_hex(),
        SESSION_COOKIE_NAME="chat",
        SESSION_COOKIE_SAMESITE="Lax",
        DATABASE=os.environ.get("CHAT_DATABASE", "chat.sqlite3"),
        MODEL=os.environ.get("CHAT_MODEL", "gpt-4o-mini"),
        STAFF_EMAIL=os.environ.get("CHAT_STAFF_EMAIL", "staff@example.com"),
        STAFF_PASSWORD=os.environ.get("CHAT_STAFF_PASSWORD"),
    )
    app.config.from_mapping(config or {})
    app.extensions["openai"] = OpenAI()  # reads OPENAI_API_KEY and OPENAI_BASE_URL

    security.init_app(app)
    database.init_app(app)
    accounts.init_app(app)
    Baserun(app, excluded=["/baserun/*", "/static/*"])

    app.register_blueprint(accounts.blueprint)
    app.register_blueprint(chat.blueprint)
    app.register_blueprint(flask_blueprint(Pages(allow=accounts.may_see_pages)), url_prefix="/baserun")
    app.add_url_rule("/feedback", view_func=feedback_view, methods=["POST"])
    return app
