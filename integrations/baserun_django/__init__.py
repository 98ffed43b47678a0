"""Sessions and users for Django: one line in the settings.

Add the middleware below authentication, and the application:

    MIDDLEWARE = [
        ...,
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "baserun_django.BaserunMiddleware",
    ]
    INSTALLED_APPS = [..., "baserun_django"]        # for the system checks and `manage.py baserun`

Websockets of Django Channels get `ChannelsMiddleware`, inside ``AuthMiddlewareStack``.
"""

from __future__ import annotations

from baserun_django._channels import ChannelsMiddleware
from baserun_django._feedback import feedback_view
from baserun_django._middleware import BaserunMiddleware

__all__ = ["BaserunMiddleware", "ChannelsMiddleware", "feedback_view"]
