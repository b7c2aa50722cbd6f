from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ChatConfig(AppConfig):
    name = "chat"
    verbose_name = _("Chat")

    def ready(self) -> None:
        from django.contrib.auth.signals import user_logged_in

        from chat import checks  # noqa: F401  registers the system checks
        from chat.staff_sessions import limit_session

        user_logged_in.connect(limit_session, dispatch_uid="parley.limit_session")
