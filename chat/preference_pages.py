"""The account's pages of preferences and defaults, and the choice of language of visitors."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import translation
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext
from django.views.decorators.http import require_POST
from django.views.generic import FormView

from chat import languages
from chat.forms import DefaultsForm, PreferencesForm
from chat.models import Preferences, catalogue


class PreferencesPage(LoginRequiredMixin, FormView):  # type: ignore[type-arg]
    template_name = "account/preferences.html"
    form_class = PreferencesForm

    def get_initial(self) -> dict[str, Any]:
        return {"language": languages.chosen_by(self.request.user)}

    def form_valid(self, form: PreferencesForm) -> HttpResponse:
        code = form.cleaned_data["language"]
        assert self.request.user.pk is not None  # the log-in is required above
        Preferences.objects.choose_language(self.request.user.pk, code)
        response = redirect("preferences")
        languages.remember(response, code)
        accepted = self.request.headers.get("Accept-Language", "")
        with translation.override(code or languages.of_browser({}, accepted)):
            messages.success(self.request, gettext("Saved."))
        return response


class DefaultsPage(LoginRequiredMixin, FormView):  # type: ignore[type-arg]
    """Model and settings of new conversations. Existing ones keep what they have."""

    template_name = "account/defaults.html"
    form_class = DefaultsForm

    @property
    def user_id(self) -> int:
        assert self.request.user.pk is not None  # the log-in is required above
        return self.request.user.pk

    def get_form_kwargs(self) -> dict[str, Any]:
        models = [(offer.id, offer.label) for offer in catalogue(self.user_id).offers]
        return super().get_form_kwargs() | {"models": models}

    def get_initial(self) -> dict[str, Any]:
        model, chosen = Preferences.objects.defaults_of(self.user_id)
        return chosen | {"model": model}

    def form_valid(self, form: DefaultsForm) -> HttpResponse:
        data = form.cleaned_data
        Preferences.objects.choose_defaults(self.user_id, data["model"], data["settings"] or {})
        messages.success(self.request, gettext("Saved."))
        return redirect("defaults")


@require_POST
def choose_language(request: HttpRequest) -> HttpResponse:
    """Set this browser's language, and go back to where the choice was made."""
    code = request.POST.get("language", "")
    back = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(back, {request.get_host()}, request.is_secure()):
        back = reverse(settings.LOGIN_URL)
    response = redirect(back)
    if languages.is_known(code):
        languages.remember(response, code)
    return response
