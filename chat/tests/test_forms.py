"""The forms of accounts."""

from __future__ import annotations

import pytest
from allauth.account import forms as account_forms
from allauth.mfa.base.forms import AuthenticateForm
from django.contrib.auth.models import User

from chat import forms

pytestmark = pytest.mark.django_db


def test_every_field_of_an_account_form_says_what_a_browser_may_fill_in(alice: User) -> None:
    expected = {
        "login": "username",
        "username": "username",
        "email": "email",
        "password": "current-password",
        "oldpassword": "current-password",
        "password1": "new-password",
        "password2": "new-password",
        "code": "one-time-code",
    }
    for form in (
        forms.LogInForm(),
        forms.FirstAccountForm(),
        account_forms.SignupForm(),
        account_forms.ChangePasswordForm(user=alice),
        account_forms.SetPasswordForm(user=alice),
        account_forms.ResetPasswordForm(),
        account_forms.ResetPasswordKeyForm(),
        account_forms.AddEmailForm(user=alice),
        account_forms.ReauthenticateForm(user=alice),
        AuthenticateForm(user=alice),
    ):
        shown = {
            name: field.widget.attrs.get("autocomplete")
            for name, field in form.fields.items()
            if name != "remember"
        }
        assert shown == {name: expected[name] for name in shown}, type(form).__name__
