"""A Celery application whose messages are files; `ask` passes session and trace in the message's headers."""

from __future__ import annotations

from typing import Any

from celery import Celery  # type: ignore[import-untyped]

import baserun

app = Celery("jobs", broker="filesystem://")
app.conf.broker_transport_options = {
    "data_folder_in": "queue",
    "data_folder_out": "queue",
    "control_folder": "control",
}


@app.task(bind=True)  # type: ignore[untyped-decorator]
def summarize(self: Any, text: str) -> None:
    import openai

    with baserun.extract(self.request.headers or {}):
        openai.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": text}])


def ask(user: str, texts: list[str]) -> None:
    """Start a session of `user`, and enqueue a job for each text."""
    with baserun.with_session(user_identifier=user), baserun.start_trace(name=f"asked by {user}"):
        for text in texts:
            summarize.apply_async([text], headers=baserun.inject({}))
