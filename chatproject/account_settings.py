"""Settings of Django's and allauth's accounts that no variable changes."""

from __future__ import annotations

AUTHENTICATION_BACKENDS = [
    "chat.log_in.AccountBackend",
    # Is never asked about a password; sessions from before the other are under its name.
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
ACCOUNT_ADAPTER = "chat.account_adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False  # or anybody could have mail sent to any address
ACCOUNT_FORMS = {
    "signup": "chat.password_forms.SignUpForm",
    "add_email": "chat.password_forms.NewAddressForm",
    "change_password": "chat.password_forms.NewPasswordForm",
    "set_password": "chat.password_forms.FirstPasswordForm",
    "reset_password": "chat.password_forms.ForgottenPasswordForm",
    "reset_password_from_key": "chat.password_forms.PasswordByMailForm",
}
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_SESSION_REMEMBER = True
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_LOGOUT_REDIRECT_URL = "/accounts/login/"
MFA_ADAPTER = "chat.second_factor.SealingAdapter"
MFA_FORMS = {
    "authenticate": "chat.second_factor.CodeForm",
    "reauthenticate": "chat.second_factor.CodeAgainForm",
    "activate_totp": "chat.second_factor.NewAppForm",
}
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_ALLOW_UNVERIFIED_EMAIL = True  # addresses are not verified here, see above
SESSION_ENGINE = "chat.staff_sessions"  # in the database: the session check compares rows
