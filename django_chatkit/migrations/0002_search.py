"""Find items by their words, at once: each database's own index, kept up by the database itself.

docs/decisions/0017 tells why. What is written here is what `admin.fulltext` asks; without it the search is a plain one.
"""

from typing import Any

from django.db import migrations, models

ITEMS = "django_chatkit_chatthreaditem"
WORDS = "chatkit_item_words"
MARKS = "-/.@_:+~&?=#<>"

# What filters ask for and few items are: small indexes, which a usual item never enters.
SELDOM = (
    [
        f"CREATE INDEX chatkit_item_open ON {ITEMS} (created_at, thread_id) WHERE NOT settled",
        f"CREATE INDEX chatkit_item_type ON {ITEMS} (type, created_at, thread_id) "
        "WHERE NOT (type = 'chatkit.user_message') AND NOT (type = 'chatkit.assistant_message')",
        f"CREATE INDEX chatkit_item_gone ON {ITEMS} (created_at) WHERE gone_at IS NOT NULL",
    ],
    [f"DROP INDEX IF EXISTS {name}" for name in ("chatkit_item_open", "chatkit_item_type", "chatkit_item_gone")],
)

POSTGRESQL = (
    [
        # A tsvector holds a megabyte, and an item may be longer. Marks part words, so that `order-1234` is two.
        f"CREATE INDEX {WORDS} ON {ITEMS} USING gin "
        f"(to_tsvector('simple', translate(left(text, 100000), '{MARKS}', '{' ' * len(MARKS)}')))",
        *SELDOM[0],
    ],
    [*SELDOM[1], f"DROP INDEX IF EXISTS {WORDS}"],
)

FORGET = f"INSERT INTO {WORDS} ({WORDS}, rowid, text) VALUES ('delete', old.rowid, old.text)"
LEARN = f"INSERT INTO {WORDS} (rowid, text) VALUES (new.rowid, new.text)"
SQLITE = (
    [
        f"CREATE VIRTUAL TABLE {WORDS} USING fts5"
        f"(text, content='{ITEMS}', content_rowid='rowid', "
        # No positions: they would nearly double what a write costs. Phrases are looked at once more.
        "detail=none, tokenize='unicode61 remove_diacritics 0')",
        f"INSERT INTO {WORDS} ({WORDS}) VALUES ('rebuild')",
        f"CREATE TRIGGER {WORDS}_new AFTER INSERT ON {ITEMS} BEGIN {LEARN}; END",
        f"CREATE TRIGGER {WORDS}_old AFTER DELETE ON {ITEMS} BEGIN {FORGET}; END",
        f"CREATE TRIGGER {WORDS}_other AFTER UPDATE OF text ON {ITEMS} "
        f"WHEN old.text IS NOT new.text BEGIN {FORGET}; {LEARN}; END",
    ],
    [
        *(f"DROP TRIGGER IF EXISTS {WORDS}_{name}" for name in ("new", "old", "other")),
        f"DROP TABLE IF EXISTS {WORDS}",
    ],
)
MYSQL = (
    [f"CREATE FULLTEXT INDEX {WORDS} ON {ITEMS} (text)"],
    [f"DROP INDEX {WORDS} ON {ITEMS}"],
)


def statements(connection: Any) -> tuple[list[str], list[str]]:
    """Return what a database needs to build its indexes, and to take them down."""
    if connection.vendor != "sqlite":
        return {"postgresql": POSTGRESQL, "mysql": MYSQL}.get(connection.vendor, ([], []))
    with connection.cursor() as cursor:
        cursor.execute("SELECT sqlite_compileoption_used('ENABLE_FTS5')")
        (has_fts5,) = cursor.fetchone()
    built, taken_down = (words * has_fts5 + rest for words, rest in zip(SQLITE, SELDOM, strict=True))
    return built, taken_down


def build(apps: Any, schema_editor: Any) -> None:
    for statement in statements(schema_editor.connection)[0]:
        schema_editor.execute(statement, params=None)


def take_down(apps: Any, schema_editor: Any) -> None:
    for statement in statements(schema_editor.connection)[1]:
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):

    dependencies = [
        ('django_chatkit', '0001_initial'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='chatthread',
            index=models.Index(fields=['end_user', 'last_activity_at'], name='chatkit_thread_last'),
        ),
        migrations.AddIndex(
            model_name='chatthreaditem',
            index=models.Index(fields=['created_at'], name='chatkit_item_created'),
        ),
        # MySQL ends a transaction with each such statement; the others wrap the whole migration in one.
        migrations.RunPython(build, take_down, atomic=False),
    ]
