"""The addresses of the OpenAI-compatible API."""

from django.urls import path

from chat.api.openai import views

urlpatterns = [
    path("models", views.models),
    path("models/<path:id>", views.model),
    path("chat/completions", views.completions),
    path("<path:path>", views.nothing),
    path("", views.nothing),
]
