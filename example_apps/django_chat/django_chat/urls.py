"""What is where."""

from __future__ import annotations

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from baserun_django import feedback_view
from chat import views

urlpatterns = [
    path("", views.chat, name="chat"),
    path("login", LoginView.as_view(), name="login"),
    path("logout", LogoutView.as_view(), name="logout"),
    path("signup", views.sign_up, name="sign_up"),
    path("messages", views.send, name="send"),
    path("new", views.start_again, name="start_again"),
    path("feedback", feedback_view, name="feedback"),
]
