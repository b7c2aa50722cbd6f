"""The addresses of the OpenAI-compatible API."""

from django.urls import path

from chat.api.openai import views

urlpatterns = [
    path("models", views.models),
    path("models/<path:id>", views.model),
    path("chat/completions", views.asked_or_listed),
    path("chat/completions/chatcmpl-<str:id>", views.one_stored),
    path("chat/completions/chatcmpl-<str:id>/messages", views.messages),
    path("<path:path>", views.nothing),
    path("", views.nothing),
]
