import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

COLUMNS = (("Message", "user_id"), ("Request", "user_id"))


def drop(apps, schema_editor):
    """Drop the constraints on Postgres; SQLite would copy whole tables for it, and gain nothing."""
    if schema_editor.connection.vendor != "postgresql":
        return
    for name, column in COLUMNS:
        model = apps.get_model("chat", name)
        for constraint in schema_editor._constraint_names(model, [column], foreign_key=True):
            schema_editor.execute(schema_editor._delete_fk_sql(model, constraint))


class Migration(migrations.Migration):
    dependencies = [
        ("chat", "0010_outcome_columns"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(drop, migrations.RunPython.noop)],
            state_operations=[
                migrations.AlterField(
                    model_name="message",
                    name="user",
                    field=models.ForeignKey(
                        db_constraint=False,
                        help_text="The conversation's owner, kept here for the counter and the limits.",
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                migrations.AlterField(
                    model_name="request",
                    name="user",
                    field=models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
    ]
