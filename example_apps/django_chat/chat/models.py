"""Conversations and their messages."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Conversation(models.Model):
    """A conversation of one user with the model."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    started_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"conversation {self.pk} of {self.user}"

    def said(self) -> list[dict[str, str]]:
        """Return the messages, the oldest first, in the form that the model takes."""
        return list(self.message_set.order_by("pk").values("role", "content"))


class Message(models.Model):
    """One message, of the user or of the model."""

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE)
    role = models.CharField(max_length=20)
    content = models.TextField()

    def __str__(self) -> str:
        return f"{self.role}: {self.content[:50]}"
