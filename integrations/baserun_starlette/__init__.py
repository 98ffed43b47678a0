"""Sessions and users for Starlette and FastAPI: one line of middleware.

Add the middleware when the application is built:

    from baserun_starlette import BaserunMiddleware

    app = Starlette(..., middleware=[Middleware(BaserunMiddleware)])
    app.add_middleware(BaserunMiddleware)           # FastAPI
"""

from __future__ import annotations

from baserun_starlette._feedback import feedback_endpoint
from baserun_starlette._middleware import BaserunMiddleware

__all__ = ["BaserunMiddleware", "feedback_endpoint"]
