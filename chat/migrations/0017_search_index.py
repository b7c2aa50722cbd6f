import django.db.models.deletion
from django.db import migrations, models

import chat.models.values.title_words

FTS5 = "CREATE VIRTUAL TABLE chat_messagewords USING fts5(owner, words, tokenize='ascii')"
"""Words come folded and cut, with blanks between them: the tokenizer has nothing to decide."""

POSTGRES = [
    "CREATE TABLE chat_messagewords"
    " (rowid bigint PRIMARY KEY, owner bigint NOT NULL, words tsvector NOT NULL)",
    "CREATE INDEX chat_messagewords_owner ON chat_messagewords (owner, rowid)",
    "CREATE INDEX chat_messagewords_words ON chat_messagewords USING gin (words)",
]


def make(apps, schema_editor):
    """Make the empty index; the server fills it in the background."""
    statements = POSTGRES if schema_editor.connection.vendor == "postgresql" else [FTS5]
    for statement in statements:
        schema_editor.execute(statement)


def drop(apps, schema_editor):
    """Drop the index; nothing is in it that is not in the messages."""
    schema_editor.execute("DROP TABLE chat_messagewords")


class Migration(migrations.Migration):
    dependencies = [
        ("chat", "0016_names"),
    ]

    operations = [
        migrations.AddField(
            model_name="conversation",
            name="title_words",
            field=chat.models.values.title_words.TitleWords(
                blank=True, db_default="", default="", editable=False
            ),
        ),
        migrations.CreateModel(
            name="SearchState",
            fields=[
                (
                    "id",
                    models.PositiveSmallIntegerField(
                        default=1, primary_key=True, serialize=False
                    ),
                ),
                (
                    "below",
                    models.BigIntegerField(
                        null=True,
                        help_text="Messages with smaller keys are not in the index yet; 0: all are. "
                        "Empty: titles come first.",
                    ),
                ),
                ("deletions", models.BigIntegerField(default=0, db_default=0)),
                (
                    "erased",
                    models.BigIntegerField(
                        default=0,
                        db_default=0,
                        help_text="Deletions whose words are no longer in the file.",
                    ),
                ),
            ],
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(make, drop)],
            state_operations=[
                migrations.CreateModel(
                    name="MessageWords",
                    fields=[
                        (
                            "message",
                            models.OneToOneField(
                                db_column="rowid",
                                db_constraint=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                primary_key=True,
                                related_name="+",
                                serialize=False,
                                to="chat.message",
                            ),
                        ),
                    ],
                ),
            ],
        ),
    ]
