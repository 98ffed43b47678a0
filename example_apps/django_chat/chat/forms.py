"""The form to sign up."""

from __future__ import annotations

from django.contrib.auth.forms import BaseUserCreationForm
from django.forms import EmailField


class SignUpForm(BaseUserCreationForm):
    """Creates an account with an e-mail address, by whose hash Baserun identifies the user."""

    email = EmailField(label="Email address")  # the model's own field may stay empty

    class Meta(BaseUserCreationForm.Meta):
        fields = ("username", "email")
