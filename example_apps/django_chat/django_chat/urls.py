"""The URLs of the project."""

from __future__ import annotations

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path

from baserun_django import feedback_view
from baserun_monitor import Pages, django_urls
from chat import views

pages = Pages(allow=lambda request: request.user.is_staff)

urlpatterns = [
    path("", views.chat, name="chat"),
    path("login", LoginView.as_view(), name="login"),
    path("logout", LogoutView.as_view(), name="logout"),
    path("signup", views.sign_up, name="sign_up"),
    path("messages", views.send, name="send"),
    path("new", views.start_again, name="start_again"),
    path("feedback", feedback_view, name="feedback"),
    path("baserun/", include(django_urls(pages))),
]
