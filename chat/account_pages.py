"""The account's own pages: profile, sessions and usage."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

from allauth.usersessions.models import UserSession
from allauth.usersessions.views import ListUserSessionsView
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext
from django.views.generic import FormView, TemplateView

from chat.devices import device
from chat.forms import ProfileForm
from chat.models.reading.usage import usage


class Profile(LoginRequiredMixin, FormView):  # type: ignore[type-arg]
    """The name that is shown, and the names by which one logs in."""

    template_name = "account/profile.html"
    form_class = ProfileForm

    def get_initial(self) -> dict[str, Any]:
        assert isinstance(self.request.user, User)  # the log-in is required above
        return {"name": self.request.user.get_full_name()}

    def form_valid(self, form: ProfileForm) -> HttpResponse:
        assert isinstance(self.request.user, User)  # the log-in is required above
        if form.has_changed():
            # One field for all names: where the surname stands differs between languages.
            names = {"first_name": form.cleaned_data["name"], "last_name": ""}
            User.objects.filter(pk=self.request.user.pk).update(**names)
        messages.success(self.request, gettext("Saved."))
        return redirect("profile")


class Sessions(ListUserSessionsView):  # type: ignore[misc]
    """allauth's page, with readable devices, and an end for each session."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        for session in context["sessions"]:
            session.device = device(session.user_agent)
        context["sessions"].sort(key=lambda session: not session.is_current())
        return context

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        chosen = request.POST.get("session", "")
        if not chosen:
            answer: HttpResponse = super().post(request, *args, **kwargs)
            return answer
        if not re.fullmatch(r"[0-9]{1,18}", chosen):
            raise Http404
        session = get_object_or_404(UserSession, pk=int(chosen), user_id=request.user.pk)
        if session.is_current():
            return redirect("account_logout")
        session.end()
        messages.success(request, gettext("This session has been logged out."))
        return redirect("usersessions_list")


class UsagePage(LoginRequiredMixin, TemplateView):
    """Replies, tokens and cost of one month (UTC), by day and model."""

    template_name = "account/usage.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        user = self.request.user
        assert isinstance(user, User)  # the log-in is required above
        today = timezone.now().date()
        first = _month(self.request.GET.get("month", ""), today)
        following = _first_of_next(first)
        rows = list(usage(user.pk, first, following - timedelta(days=1)))
        for row in rows:
            row["tokens"] = row["prompt_tokens"] + row["completion_tokens"]
        costs = [row["dollars"] for row in rows if row["dollars"] is not None]
        earlier = (first - timedelta(days=1)).replace(day=1)
        return super().get_context_data(
            month=first,
            rows=rows,
            most=max((row["tokens"] for row in rows), default=0),
            total={
                name: sum(row[name] for row in rows)
                for name in ("replies", "prompt_tokens", "completion_tokens")
            }
            | {"dollars": sum(costs) if costs else None},
            show_cost=settings.SHOW_COST,
            earlier=earlier if first > user.date_joined.date() else None,
            later=following if following <= today else None,
            **kwargs,
        )


def _month(written: str, today: date) -> date:
    """The first day of a month as in "2026-11", by default of the current one."""
    if not written:
        return today.replace(day=1)
    if not re.fullmatch(r"20[0-9]{2}-(0[1-9]|1[0-2])", written, re.ASCII):
        raise Http404
    return min(date(int(written[:4]), int(written[5:]), 1), today.replace(day=1))


def _first_of_next(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1)
