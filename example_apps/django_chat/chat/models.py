"""Who said what to whom."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Conversation(models.Model):
    """What one person and the model talk about."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    started_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"conversation {self.pk} of {self.user}"

    def said(self) -> list[dict[str, str]]:
        """Everything, the oldest first, as the model takes it."""
        return list(self.message_set.order_by("pk").values("role", "content"))


class Message(models.Model):
    """What was said at once."""

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE)
    role = models.CharField(max_length=20)
    content = models.TextField()

    def __str__(self) -> str:
        return f"{self.role}: {self.content[:50]}"
