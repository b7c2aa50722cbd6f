"""The account's pages for API tokens: see them, make one, revoke one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from allauth.account.decorators import reauthentication_required
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.decorators import method_decorator
from django.utils.translation import gettext
from django.views.generic import FormView, View

from chat.forms import TokenForm
from chat.marking import quoted
from chat.models import AlreadyMade, Token, TooManyTokens
from chat.password_again import asks_password


class TokenPage(LoginRequiredMixin, View):
    """One of these pages: there is none where the operator has switched tokens off."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not settings.API_TOKENS:
            raise Http404
        return super().dispatch(request, *args, **kwargs)

    @property
    def user(self) -> User:
        assert isinstance(self.request.user, User)  # the log-in is required above
        return self.request.user


@method_decorator(asks_password, name="dispatch")
class TokenList(TokenPage):
    def get(self, request: HttpRequest) -> HttpResponse:
        tokens = Token.objects.for_user(self.user).filter(revoked=None)
        return render(request, "tokens/list.html", {"tokens": tokens})


# Somebody who finds an open browser must not leave with a key of their own.
@method_decorator(reauthentication_required, name="get")
@method_decorator(reauthentication_required, name="post")
class NewToken(TokenPage, FormView):  # type: ignore[type-arg]
    template_name = "tokens/new.html"
    form_class = TokenForm

    def form_valid(self, form: TokenForm) -> HttpResponse:
        """Show the token in the answer itself, once: no redirect, message or address has it."""
        try:
            token, secret = form.save(self.user)
        except TooManyTokens:
            most = settings.TOKENS_PER_USER
            said = gettext("You have {most}, the maximum. Revoke one first.").format(most=most)
            form.add_error(None, said)
            return self.form_invalid(form)
        except AlreadyMade:
            return render(self.request, "tokens/already_made.html", status=409)
        address = self.request.build_absolute_uri("/").rstrip("/")
        shown = {"token": token, "secret": secret, "address": address}
        return render(self.request, "tokens/made.html", shown)


@method_decorator(asks_password, name="dispatch")
class RevokeToken(TokenPage):
    """Asks once more, then ends the token."""

    def get(self, request: HttpRequest, uid: UUID) -> HttpResponse:
        return render(request, "tokens/revoke.html", {"token": self.token(uid)})

    def post(self, request: HttpRequest, uid: UUID) -> HttpResponse:
        token = self.token(uid)
        token.revoke()
        said = gettext("“{name}” has been revoked.").format(name=quoted(token.name))
        messages.success(request, said)
        return redirect("tokens")

    def token(self, uid: UUID) -> Token:
        return get_object_or_404(Token.objects.for_user(self.user), uid=uid, revoked=None)
