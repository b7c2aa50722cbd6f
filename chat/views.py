"""The pages: the chat, the first account, and data for allauth's pages."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from allauth.account.utils import perform_login
from allauth.account.views import LoginView
from django.conf import settings
from django.contrib.auth.mixins import LoginRequiredMixin
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext, gettext_noop
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import FormView, TemplateView

from chat import commands
from chat.first_account import (
    an_account_exists,
    create_first_account,
    opens_first_account,
)
from chat.forms import FirstAccountForm, LogInForm
from chat.models import Conversation, Preferences, catalogue

STAFF_MODEL_HELP = gettext_noop(
    "No model is set up. Add an endpoint in the admin; or set OPENAI_API_KEY (and OPENAI_BASE_URL "
    "and CHAT_MODEL for another OpenAI-compatible endpoint) in the environment or in .env and "
    "start the server again."
)
MODEL_HELP = gettext_noop("No model is available to you. Ask an administrator.")


@method_decorator([never_cache, ensure_csrf_cookie], name="dispatch")
class ChatPage(LoginRequiredMixin, TemplateView):
    """The chat, empty or at one conversation of the user's own."""

    template_name = "chat/page.html"

    def get_context_data(self, uid: UUID | None = None, **kwargs: Any) -> dict[str, Any]:
        user = self.request.user
        assert isinstance(user, User)  # the log-in is required above
        if uid is not None:
            get_object_or_404(Conversation.objects.for_user(user).only("pk"), uid=uid)
        kwargs["csrf_cookie"] = settings.CSRF_COOKIE_NAME
        return super().get_context_data(page=page_data(user, uid), **kwargs)


def page_data(user: User, conversation: UUID | None) -> dict[str, Any]:
    """Data for the page's script before its first request."""
    offered = catalogue(user.pk)
    return {
        "user": {"id": str(user.pk), "name": user.get_full_name() or user.get_username()},
        "staff": user.is_staff,
        "version": settings.VERSION,
        "urls": {
            "socket": "/ws/chat/",
            "api": "/api/v1/",
            "login": reverse("account_login"),
            "logout": reverse("account_logout"),
            "account": reverse("profile"),
            "admin": reverse("admin:index") if user.is_staff else None,
        },
        "models": msgspec.to_builtins(commands.offered(offered)),
        "defaults": _defaults(user.pk),
        "model_help": None if offered.offers else _model_help(user),
        "conversation": str(conversation) if conversation else None,
    }


def _defaults(user_id: int) -> dict[str, Any]:
    """Model and settings with which conversations of this page begin."""
    model, chosen = Preferences.objects.defaults_of(user_id)
    return {"model": model or None, "settings": chosen}


def _model_help(user: User) -> str:
    return gettext(STAFF_MODEL_HELP if user.is_staff else MODEL_HELP)


@method_decorator([never_cache, sensitive_post_parameters()], name="dispatch")
class FirstAccount(FormView):  # type: ignore[type-arg]
    """The one-time link. A wrong code, and any code once somebody has an account, is a 404."""

    template_name = "account/first_account.html"
    form_class = FirstAccountForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not opens_first_account(kwargs["code"]):
            raise Http404
        return super().dispatch(request, *args, **kwargs)

    def form_valid(self, form: FirstAccountForm) -> HttpResponse:
        user = form.save(commit=False)
        if not create_first_account(user):
            raise Http404
        response: HttpResponse = perform_login(self.request, user, redirect_url="/")
        return response


class LogIn(LoginView):  # type: ignore[misc]
    """allauth's log-in page, which says where the link is while nobody has an account."""

    form_class = LogInForm

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        context["first_account_needed"] = not an_account_exists()
        context["signup_open"] = settings.SIGNUP == "open"
        context["mail"] = bool(settings.EMAIL_URL)
        return context


def no_mail(request: HttpRequest, **kwargs: str) -> HttpResponse:
    """In place of the pages that would send e-mail, where the server has none to send with."""
    return render(request, "account/no_mail.html", status=404)
