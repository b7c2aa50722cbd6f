"""A table for the shared cache; second factors sealed; log-ins of staff ended, to begin anew.

A session from before has no end of its own, so staff log in once more after the upgrade.
"""

from typing import Any

from django.conf import settings
from django.db import migrations, models

from chat.second_factor import seal_rows


def seal_second_factors(apps: Any, schema_editor: Any) -> None:
    seal_rows(apps.get_model("mfa", "Authenticator").objects.all())


def end_sessions_of_staff(apps: Any, schema_editor: Any) -> None:
    of_staff = apps.get_model("usersessions", "UserSession").objects.filter(user__is_staff=True)
    keys = list(of_staff.values_list("session_key", flat=True))
    apps.get_model("sessions", "Session").objects.filter(session_key__in=keys).delete()
    of_staff.delete()


class Migration(migrations.Migration):
    dependencies = [
        ("chat", "0005_rations"),
        ("mfa", "0003_authenticator_type_uniq"),
        ("sessions", "0001_initial"),
        ("usersessions", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="CacheRow",
            fields=[
                (
                    "cache_key",
                    models.CharField(max_length=255, primary_key=True, serialize=False),
                ),
                ("value", models.TextField()),
                ("expires", models.DateTimeField(db_index=True)),
            ],
            options={"db_table": "chat_cache"},
        ),
        migrations.RunPython(seal_second_factors, migrations.RunPython.noop),
        migrations.RunPython(end_sessions_of_staff, migrations.RunPython.noop),
    ]
