"""The forms of accounts in the admin: a name nobody else answers to, and a new password."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import (
    AdminPasswordChangeForm,
    AdminUserCreationForm,
    UserChangeForm,
)
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from chat.models import Token
from chat.names import is_taken, normalised

TAKEN = _("Another account uses this name or address.")


class NamesOnce(forms.ModelForm):  # type: ignore[type-arg]
    """Refuses a user name or an e-mail address by which somebody else logs in."""

    def clean_username(self) -> str:
        return self._free("username")

    def clean_email(self) -> str:
        return self._free("email")

    def _free(self, field: str) -> str:
        text = normalised(self.cleaned_data.get(field) or "")
        # A value that the account has already can be saved, even if others have it too.
        if text and text != getattr(self.instance, field) and is_taken(text, self.instance.pk):
            raise ValidationError(TAKEN)
        return text


class NormalPassword:
    """Stores a password in NFKC, in which it is compared."""

    cleaned_data: dict[str, Any]

    def set_password_and_save(self, user: Any, *args: Any, **kwargs: Any) -> Any:
        typed = self.cleaned_data.get("password1") or ""
        self.cleaned_data["password1"] = normalised(typed)
        return super().set_password_and_save(user, *args, **kwargs)  # type: ignore[misc]


class AccountForm(NamesOnce, UserChangeForm):  # type: ignore[type-arg]
    """An account as superusers change it, and in part staff."""


class NewAccountForm(NormalPassword, NamesOnce, AdminUserCreationForm):  # type: ignore[type-arg]
    """A new, ordinary account."""

    class Meta(AdminUserCreationForm.Meta):
        fields = ("username", "email")


class PasswordOfAccountForm(NormalPassword, AdminPasswordChangeForm):  # type: ignore[type-arg]
    """A new password for somebody else, which ends the sessions and tokens of the old one."""

    revoke_tokens = forms.BooleanField(
        label=_("Revoke the API tokens of the account"), required=False
    )

    def save(self, commit: bool = True) -> Any:
        user = super().save(commit)
        if commit and self.cleaned_data.get("revoke_tokens"):
            Token.objects.for_user(user).revoke()
        return user
