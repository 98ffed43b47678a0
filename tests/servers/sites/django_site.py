"""The same site in Django, in one module: settings, views and URLs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import openai
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path

SECRET_KEY = "a secret of the tests, long enough"
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = __name__
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "baserun_django"]
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "site.sqlite3", "OPTIONS": {"timeout": 30}},
}
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "baserun_django.BaserunMiddleware",
]
USE_TZ = True

client = openai.OpenAI()  # our own client: see flask_site


def ready(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ready")


def log_in(request: HttpRequest) -> HttpResponse:
    from django.contrib.auth import login
    from django.contrib.auth.models import User

    name = request.POST["name"]
    login(request, User.objects.get_or_create(username=name, email=f"{name}@example.com")[0])
    return HttpResponse("welcome")


def chat(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(words(request.POST["message"]), content_type="text/event-stream")


async def chat_in_loop(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(words_in_loop(request.POST["message"]), content_type="text/event-stream")


def words(message: str) -> Iterator[str]:
    answer = client.chat.completions.create(
        model="gpt-4o-mini", messages=[{"role": "user", "content": message}], stream=True
    )
    for chunk in answer:
        yield chunk.choices[0].delta.content or ""


async def words_in_loop(message: str) -> AsyncIterator[str]:
    async with openai.AsyncOpenAI() as client:
        answer = await client.chat.completions.create(
            model="gpt-4o-mini", messages=[{"role": "user", "content": message}], stream=True
        )
        async for chunk in answer:
            yield chunk.choices[0].delta.content or ""


urlpatterns = [
    path("ready/", ready),
    path("login/", log_in),
    path("chat/", chat),
    path("chat-in-loop/", chat_in_loop),
]
