"""The Django app of the chat."""
