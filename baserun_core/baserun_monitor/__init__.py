"""Pages over a store: who uses an application, what they asked, what came back and what it cost.

They run by themselves (``baserun ui``) or mounted in an application. They read through the contract of
`baserun.store`, and nothing that records imports them.
"""

from __future__ import annotations

from baserun._extras import not_installed
from baserun.exceptions import MissingExtraError

try:
    from baserun_monitor._django import django_urls
    from baserun_monitor._pages import Pages
    from baserun_monitor._security import LOOPBACK
    from baserun_monitor._wsgi import flask_blueprint
except ModuleNotFoundError as error:
    if error.name != "jinja2":
        raise
    raise MissingExtraError(not_installed("The pages need", error.name, "monitor")) from None

__all__ = ["LOOPBACK", "Pages", "django_urls", "flask_blueprint"]
