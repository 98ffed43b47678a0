"""Pages over a store: who uses an application, what they asked, what came back and what it cost.

They run by themselves (``baserun ui``) or mounted inside an application; they read through the contract of
`baserun.store` and are never imported by what records.
"""

from __future__ import annotations

from baserun_monitor._django import django_urls
from baserun_monitor._pages import Pages
from baserun_monitor._security import LOOPBACK
from baserun_monitor._wsgi import flask_blueprint

__all__ = ["LOOPBACK", "Pages", "django_urls", "flask_blueprint"]
