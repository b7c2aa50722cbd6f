from django.db import migrations

# The owner is a key of the index beside the words, so that a search meets the user's own messages
# only, however many have the word. An array of one is what GIN takes without an extension.
MAKE = [
    # What an interrupted run has left is not valid.
    "DROP INDEX CONCURRENTLY IF EXISTS chat_messagewords_own",
    "CREATE INDEX CONCURRENTLY chat_messagewords_own ON chat_messagewords"
    " USING gin ((ARRAY[owner]), words)",
    "ANALYZE chat_messagewords",
    "DROP INDEX CONCURRENTLY IF EXISTS chat_messagewords_words",
]
DROP = [
    "CREATE INDEX CONCURRENTLY IF NOT EXISTS chat_messagewords_words"
    " ON chat_messagewords USING gin (words)",
    "DROP INDEX CONCURRENTLY IF EXISTS chat_messagewords_own",
]


def run(statements):
    """Carry them out on Postgres, each by itself; nobody who reads or writes waits for them."""

    def carry_out(apps, schema_editor):
        if schema_editor.connection.vendor == "postgresql":
            for statement in statements:
                schema_editor.execute(statement)

    return carry_out


class Migration(migrations.Migration):
    atomic = False  # as CONCURRENTLY wants it

    dependencies = [
        ("chat", "0020_title_origin"),
    ]

    operations = [
        migrations.RunPython(run(MAKE), run(DROP)),
    ]
