"""The admin: accounts, endpoints and their models, API tokens, and conversations to be read."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin

from chat.admin import (  # noqa: F401  they register themselves
    accounts,
    conversations,
    endpoints,
    offers,
    tokens,
)

admin.site.site_header = "Parley"
admin.site.site_title = "Parley admin"
admin.site.index_title = "Administration"
admin.site.enable_nav_sidebar = False  # it takes the lists' width and has few entries
# One way in for everybody: with its limit on failed log-ins and its second factor.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]
