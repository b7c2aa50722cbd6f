"""The pages' addresses."""

from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from chat import (
    account_pages,
    check_page,
    diagram_page,
    preference_pages,
    token_pages,
    views,
    web_app,
)

urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.ChatPage.as_view(), name="chat"),
    path("c/<uuid:uid>", views.ChatPage.as_view(), name="conversation"),
    path("check/", check_page.CheckPage.as_view(), name="check"),
    path("check/seen", check_page.seen),
    path("check/stream", check_page.stream),
    path("diagram/", diagram_page.diagram, name="diagram"),
    path("manifest.webmanifest", web_app.manifest, name="manifest"),
    path("service-worker.js", web_app.service_worker, name="service_worker"),
    path("offline/", web_app.offline, name="offline"),
    path("start/<str:code>", views.FirstAccount.as_view(), name="first_account"),
    path("accounts/", RedirectView.as_view(pattern_name="profile")),
    path("accounts/profile/", account_pages.Profile.as_view(), name="profile"),
    path("accounts/defaults/", preference_pages.DefaultsPage.as_view(), name="defaults"),
    path("accounts/usage/", account_pages.UsagePage.as_view(), name="usage"),
    path("accounts/preferences/", preference_pages.PreferencesPage.as_view(), name="preferences"),
    path("accounts/language/", preference_pages.choose_language, name="choose_language"),
    path("accounts/tokens/", token_pages.TokenList.as_view(), name="tokens"),
    path("accounts/tokens/new/", token_pages.NewToken.as_view(), name="new_token"),
    path(
        "accounts/tokens/<uuid:uid>/revoke/",
        token_pages.RevokeToken.as_view(),
        name="revoke_token",
    ),
    # Before allauth's own, which they stand in for.
    path("accounts/login/", views.LogIn.as_view(), name="account_login"),
    path("accounts/sessions/", account_pages.Sessions.as_view(), name="usersessions_list"),
]
if not settings.EMAIL_URL:
    urlpatterns += [
        path("accounts/email/", views.no_mail, name="account_email"),
        path("accounts/confirm-email/", views.no_mail),
        path("accounts/confirm-email/<path:rest>", views.no_mail),
        path("accounts/password/reset/", views.no_mail),
        path("accounts/password/reset/<path:rest>", views.no_mail),
    ]
urlpatterns += [path("accounts/", include("allauth.urls"))]
