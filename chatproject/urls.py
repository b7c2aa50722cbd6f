"""Addresses and their views."""

from django.contrib import admin
from django.urls import include, path

from chat.api import api
from chat.api.docs import Docs

handler500 = "chat.unavailable.server_error"

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/v1/docs", Docs.as_view(), name="api_docs"),
    path("api/v1/", api.urls),
    path("v1/", include("chat.api.openai.urls")),
    path("", include("chat.urls")),
]
