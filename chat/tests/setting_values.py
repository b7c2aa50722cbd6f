"""Right and wrong values of each setting, for test_every_setting.py.

Whoever adds a setting adds its row: values that start, and values that stop the start with the
setting's name. `beside` has what else must be set; `secrets` what no sentence may repeat.
"""

from __future__ import annotations

from dataclasses import dataclass, field

# ruff: noqa: E501 – the values of a row stand side by side
SECRET = "vS1Jq0bX9mZk3rT7yLw2eNf8cHd5pUa4gQi6oBxRjKtMzWlEnVs-Hy_3uC"

PRODUCTION = {
    "SECRET_KEY": SECRET,
    "ALLOWED_HOSTS": "chat.example",
    "DATABASE_URL": "sqlite:////var/lib/parley/parley.sqlite3",
}
POSTGRES = {"DATABASE_URL": "postgres://parley:pw@database.example:5432/parley"}


@dataclass(frozen=True)
class Row:
    right: list[str]
    wrong: list[str] = field(default_factory=list)
    beside: dict[str, str] = field(default_factory=dict)
    anything_goes: str = ""
    """The reason that no value is wrong."""
    secrets: list[str] = field(default_factory=list)


def switch() -> Row:
    return Row(["on", "off", "True", "0"], ["", "maybe", "2", "on off", "none"])


def choice(*words: str) -> Row:
    return Row([*words, words[0].upper()], ["", "other", f"{words[0]}s", ",".join(words)])


def count(least: int, most: int, beside: dict[str, str] | None = None) -> Row:
    wrong = ["", "many", "1.5", "1_000", "-1", "+5", "1e3", "0x10", "NaN", "5 5", "١٢"]
    wrong += [str(least - 1), str(most + 1), "9" * 30]
    return Row([str(least), str(most)], wrong, beside or {})


def seconds(least: str, most: str, beside: dict[str, str] | None = None) -> Row:
    wrong = ["", "soon", "nan", "inf", "-inf", "-1", "1_0", "1e1", "5s", "1,5", "0x1", "٣"]
    wrong += [str(float(least) - 0.0005), f"{float(most) + 1:g}", "9" * 30]
    return Row([least, most], wrong, beside or {})


PORT = Row(
    ["1", "8000", "65535", ""], ["0", "-1", "65536", "http", "80 80", "8_000", "8000.0", ":80"]
)
BASE_URL = Row(
    ["", "https://api.example/v1", "http://127.0.0.1:11434/v1/", "http://[::1]:1/v1/chat/completions"],
    [
        "api.example/v1", "localhost:11434", "//api.example", "ftp://api.example", "https://",
        "https://api.example:99999", "https://api.example:port", "https://u:pass-w@api.example/v1",
        "https://api.example/v1?x=1", "https://api.example/v1#x", "https://a b/v1", "<address>", "https://api..example/v1", "https://-x/v1",
    ],
    secrets=["pass-w"],
)  # fmt: skip
KEY = Row(
    ["", "sk-0123456789"],
    ["sk 1", "sk-\u00e4", "sk-\u2026", "<your key>", "your-api-key", "changeme"],
)

TABLE: dict[str, Row] = {
    "SECRET_KEY": Row(
        [SECRET, "a1b2c3d4" * 8],
        ["", " ", "short", "x" * 31, "changeme" * 5, "your-secret-key-your-secret-key-your",
         "django-insecure-0123456789012345678901234567", f"<{SECRET}>", "0" * 64, "password" * 5],
        secrets=["short", "x" * 31, "changeme" * 5, SECRET],
    ),
    "ENCRYPTION_KEY": Row(
        ["", SECRET, f"{SECRET},{SECRET[::-1]}"],
        ["short", "aaaaaaaaaaaaaaaaaaaaaaaaa", f"{SECRET},short", "changeme-changeme", "<secret secret secret>", ",", " , ", "0123456" * 5],
        secrets=["short,"],
    ),
    "AUDIT_KEY": Row(["", SECRET], ["short", "changeme-changeme"]),
    "DEBUG": switch(),
    "HTTPS": switch(),
    "HSTS_SECONDS": count(0, 63072000),
    "HSTS_SUBDOMAINS": switch(),
    "HSTS_PRELOAD": Row(
        ["on", "off"], ["", "always"], {"HSTS_SUBDOMAINS": "on", "HSTS_SECONDS": "31536000"}
    ),
    "ALLOWED_HOSTS": Row(
        ["chat.example", ".herokuapp.com", "localhost,127.0.0.1,[::1]", "CHAT_1.example", "xn--cht-pla.example"],
        ["", " , ", "*", "https://chat.example", "chat.example:8000", "chat.example/", "'chat.example'",
         "a.example,'b.example'", "a.example b.example", "a.example;b.example", "*.chat.example",
         "ch\u00e4t.example", "chat..example", "-chat.example", "chat.example.", "<host>", "::1", "[::1", "300.1.1.1",
         "[::1]:8000", "user@chat.example", "chat.example,*", "a" * 64 + ".example", "your-host", "chat.yourdomain.com", ".your_domain"],
    ),
    "CSRF_TRUSTED_ORIGINS": Row(
        ["", "https://chat.example", "http://10.0.0.1:8000", "https://*.chat.example", "http://[::1]:80"],
        ["chat.example", "https://chat.example/", "https://chat.example/chat", "ftp://chat.example",
         "https://", "https://a b", "*", "https://chat.example:0", "https://chat.example:99999",
         "https://u@chat.example", "https://chat.example?x", "'https://chat.example'x", "https:chat.example"],
    ),
    "CORS_ALLOWED_ORIGINS": Row(
        ["", "https://app.example", "http://localhost:5173", "app://notes.example"],
        ["*", "app.example", "https://app.example/", "https://app.example/chat", "https://*.example",
         "https://u@app.example", "https://APP.example", "https://app.example:443", "null",
         "https://app.example:0", "https://a;b"],
    ),
    "TRUSTED_PROXIES": Row(
        ["", "*", "unix", "10.0.0.7", "10.0.0.0/8,::1", "127.0.0.1, 2001:db8::/32,"],
        ["proxy.example", "10.0.0.7/8", "on", "10.0.0", "1.2.3.4:80", "http://10.0.0.7", "**"],
    ),
    "STAFF_SESSION_HOURS": count(1, 24 * 365),
    "PASSWORD_AGAIN_MINUTES": count(0, 1440),
    "PORT": PORT,
    "COOKIE_NAME": Row(["", "django", "two", "a-b_C9"], ["a b", "a;b", "a=b", "ä", "x" * 41]),
    "SIGNUP": choice("closed", "open"),
    "TRANSCRIPT_ACCESS": choice("staff", "superusers"),
    "LOG_LEVEL": choice("DEBUG", "INFO", "WARNING", "ERROR"),
    "LOG_FORMAT": choice("json", "console"),
    "METRICS_TOKEN": Row(
        ["", "a1b2c3d4" * 2],
        ["short", "a" * 15, "two words of a token", "t\u00f6ken-0123456789-0123", "changeme-changeme", "<token-of-metrics>"],
        secrets=["two words of a token"],
    ),
    "METRICS_PORT": PORT,
    "METRICS_HOST": Row(
        ["127.0.0.1", "0.0.0.0", "::", "localhost", "::1"],
        ["", "*", "http://127.0.0.1", "127.0.0.1:9101", "[::1]", "a b", "127.0.0.300", "/run/x"],
    ),
    "PROCESS_NAME": Row(["", "web.1", "worker:9101"], ["two words", "x" * 61, 'a"b', "<name>"]),
    "API_TOKENS": switch(),
    "TOKENS_PER_USER": count(1, 10**9),
    "FOLDERS_PER_USER": count(1, 10_000),
    "PINS_PER_USER": count(1, 10_000),
    "UNDO_SECONDS": seconds("0", "86400"),
    "TEMPORARY_CHATS": switch(),
    "TEMPORARY_SECONDS": seconds("1", "2592000"),
    "TICKET_SECONDS": count(1, 86400),
    "DATABASE_URL": Row(
        ["sqlite:////var/lib/parley.sqlite3", "sqlite:///db.sqlite3", "sqlite:////a%20b/c.sqlite3",
         "postgres://u:p%40ss@db.example:5432/parley?sslmode=require", "postgresql://u@%2Fvar%2Frun/parley",
         "postgresql://u:@%2Ftmp%2Fpg-x/parley", "postgres://u:p@[::1]:5432/parley",
         "postgres://u:p@db.example/parley?pgbouncer=true", "postgres:///parley",
         "postgres://u:p@db.example/parley?connect_timeout=10&target_session_attrs=read-write&channel_binding=require"],
        ["", " ", "mysql://u:p-w-d@db.example/parley", "db.sqlite3", "sqlite:/db.sqlite3", "sqlite://db.sqlite3",
         "sqlite:///", "sqlite://", "sqlite://:memory:", "sqlite:///:memory:", "sqlite:///a.sqlite3?x=1", "postgres://",
         "postgres://u:p-w-d@@db.example/parley", "postgres://u:p-w@d@db.example/parley",
         "postgres://u:p-w/d@db.example/parley", "postgres://u:p-w#d@db.example/parley",
         "postgres://u:p-w?d@db.example/parley", "postgres://u:p-w:d@db.example/parley",
         "postgres://u:p-w%d@db.example/parley", "postgres://u:p-w d@db.example/parley",
         "postgres://u:p-w[d@db.example/parley", "postgres://u:p-w-d@db.example:port/parley",
         "postgres://u:p-w-d@db.example:99999/parley", "postgres://u:p-w-d@db.example:0/parley", "postgres://u:p@db.example",
         "postgres://u:p@db.example/", "postgres://u:p@db.example/a/b", "postgres://u:p@db.example/a#b",
         "postgres://u:p@db.example/parley?sslmod=require", "postgres://u:p@db.example/parley?sslmode=yes",
         "postgres://u:p@db.example/parley?connect_timeout=soon", "postgres://u:p@db.example/parley?connect_timeout=",
         "postgres://u:p@db.example/parley?keepalives_idle=1.5", "postgres://u:p@db.example/parley?tcp_user_timeout=5s",
         "postgres://u:p@db.example/parley?channel_binding=on", "postgres://u:p@db.example/parley?gssencmode=off",
         "postgres://u:p@db.example/parley?target_session_attrs=read-only", "postgres://u:p@db.example/parley?load_balance_hosts=yes",
         "postgres://u:<password>@db.example/parley", "postgres://u:changeme@db.example/parley",
         "oracle://u:p@db.example/x", "postgres:u:p@db.example/x", "http://db.example/parley", "sqlite:///~/x.sqlite3", "POSTGRES://u:p@db.example/parley"],
        secrets=["p-w-d", "p-w@d", "p-w/d", "p-w#d", "p-w?d", "p-w:d", "p-w%d", "p-w d", "p-w[d"],
    ),
    "DATABASE_CONNECTIONS": count(1, 1000),
    "DATABASE_LISTEN": switch(),
    "SQLITE_SYNCHRONOUS": choice("normal", "full"),
    "REDIS_URL": Row(
        ["", "redis://cache.example", "redis://:pw@cache.example:6379/0", "rediss://u:p%40@cache.example", "unix:///run/valkey.sock"],
        ["http://cache.example", "cache.example:6379", "redis:cache.example", "valkey://cache.example", "redis://",
         "redis://:6379", "redis://cache.example:port", "redis://cache.example:0", "redis://cache.example/x",
         "redis://:p@w@cache.example", "redis://:p/w@cache.example", "redis://:p#w@cache.example", "redis://a b",
         "unix://", "redis://<host>", "redis://cache.example:99999", "redis://:changeme@cache.example", "REDIS://cache.example", "redis://cache.example?db=x",
         "redis://cache.example/99999999999999", "redis://cache.example?db=99999999999999", "redis://cache.example?db=١"],
        secrets=["p@w", "p/w", "p#w"],
    ),
    "OPENAI_API_KEY": KEY,
    "OPENAI_BASE_URL": BASE_URL,
    "EMBEDDED_MODEL_URL": BASE_URL,
    "CHAT_MODEL": Row(["", "gpt-5-mini", "a, b"], anything_goes="endpoints name models as they like"),
    "ENDPOINTS": Row([""], ["A", "a b", "openai", "a_b", "groq"]),
    "PRIVATE_ENDPOINTS": switch(),
    "SHOW_COST": switch(),
    "CONNECT_TIMEOUT": seconds("0.001", "86400"),
    "FIRST_TOKEN_TIMEOUT": seconds("0.001", "86400"),
    "IDLE_TIMEOUT": seconds("0.001", "86400"),
    "UPSTREAM_TRIES": count(1, 20),
    "TITLES": Row(["model", "first-words", "Model"], ["", "off", "on", "words", "model,first-words"]),
    "TITLE_MODEL": Row(["", "openai/gpt-5-nano", "groq/openai/gpt-oss-20b"], ["gpt-5-nano", "/x", "openai/"]),
    "WORKERS": Row(["embedded", "separate"], ["", "both", "2"], POSTGRES),
    "RUNNING_REPLIES_PER_USER": count(1, 10**9),
    "QUEUED_REPLIES_PER_USER": count(1, 10**9),
    "CLAIM_AT_SEND_REPLIES": count(0, 10**9),
    "CLAIM_AT_SEND_LAG": seconds("0.001", "60"),
    "REPLY_BYTES": count(1024, 10**9),
    "DRAIN_SECONDS": seconds("0", "25"),
    "CHECKPOINT_SECONDS": seconds("0.05", "60", {"LEASE_SECONDS": "600"}),
    "LEASE_SECONDS": seconds("1", "600", {"CHECKPOINT_SECONDS": "0.2"}),
    "SESSION_CHECK_SECONDS": seconds("0.1", "300"),
    "PACE_SECONDS": seconds("0.001", "1", {"PACE_SECONDS_UNDER_LOAD": "1"}),
    "PACE_SECONDS_UNDER_LOAD": seconds("0.001", "2", {"PACE_SECONDS": "0.001"}),
    "SOCKETS_PER_USER": count(1, 10**9),
    "FRAMES_PER_MINUTE": count(1, 10**9),
    "FLOW_FRAMES_PER_MINUTE": count(1, 10**9),
    "BAD_FRAMES_PER_MINUTE": count(1, 10**9),
    "CONTROL_FRAME_BYTES": count(1024, 10**9, {"MESSAGE_BYTES": "1000000000"}),
    "MESSAGE_BYTES": count(1024, 10**9, {"CONTROL_FRAME_BYTES": "1024"}),
    "RUNNING_REPLIES_PER_TOKEN": count(1, 10**9),
    "QUEUED_REPLIES_PER_TOKEN": count(1, 10**9),
    "CALLS_PER_MINUTE_PER_TOKEN": count(1, 10**9),
    "API_BODY_BYTES": count(1024, 10**9),
    "API_STORE_OPTIONAL": switch(),
    "UNACKNOWLEDGED_BYTES": count(1024, 10**9),
    "HELD_BYTES_PER_SOCKET": count(1024, 10**9),
    "HELD_BYTES_PER_USER": count(1024, 10**9),
    "STORED_TEXT_BYTES": count(1024**2, 10**9),
    "REQUEST_SECONDS": seconds("1", "86400"),
    "SLOW_CLIENT_SECONDS": seconds("1", "86400"),
    "SILENCE_SECONDS": seconds("1", "300"),
    "QUEUED_STREAM_SECONDS": seconds("0.001", "86400"),
    "REQUEST_DAYS": count(1, 36500),
    "CHANGES_DAYS": count(1, 36500),
    "CHANGES_OBJECTS": count(1, 10**9),
    "EMAIL_URL": Row(
        ["", "console:", "submission://u:p@mail.example:587", "smtp://mail.example:25", "smtp://u%40b.example:p@mail.example?tls=1"],
        ["mail.example:587", "http://mail.example", "submission://", "smtp:mail.example", "submission://u:pass-w@mail.example:port",
         "submission://u:p/pass-w@mail.example", "submission://u:p@mail.example:587/x", "submission://u:p@mail.example?timeout=soon",
         "submission://u:p@mail .example", "submission://u:p@mail.example:0", "submission://u:p@<host>", "submission://u:p@mail.example?tsl=1", "smtp://mail.example?tls=maybe", "smtp://mail.example:465?ssl=", "smtp://mail.example?tls=2", "smtps://u:p@mail.example:465", "smtp://u:changeme@mail.example"],
        secrets=["pass-w"],
    ),
    "EMAIL_FROM": Row(["", "chat@mail.example", "Parley <chat@mail.example>"], ["chat", "@mail.example", "chat@", "a b@c.example", "<address>"]),
}  # fmt: skip

COMBINATIONS: list[tuple[dict[str, str], list[str]]] = [
    ({"WORKERS": "separate"}, ["WORKERS", "DATABASE_URL"]),
    ({"CHECKPOINT_SECONDS": "5"}, ["CHECKPOINT_SECONDS", "LEASE_SECONDS"]),
    ({"CHECKPOINT_SECONDS": "30", "LEASE_SECONDS": "30"}, ["CHECKPOINT_SECONDS", "LEASE_SECONDS"]),
    ({"PACE_SECONDS": "0.5"}, ["PACE_SECONDS", "PACE_SECONDS_UNDER_LOAD"]),
    ({"MESSAGE_BYTES": "2048"}, ["CONTROL_FRAME_BYTES", "MESSAGE_BYTES"]),
    ({"HSTS_PRELOAD": "on"}, ["HSTS_PRELOAD", "HSTS_SUBDOMAINS", "HSTS_SECONDS"]),
    (
        {"ENDPOINTS": "own", "ENDPOINT_OWN_URL": "own.example", "ENDPOINT_OWN_MODELS": "m"},
        ["ENDPOINT_OWN_URL"],
    ),
    (
        {"ENDPOINTS": "own", "ENDPOINT_OWN_URL": "http://own.example", "ENDPOINT_OWN_MODELS": " , "},
        ["ENDPOINT_OWN_MODELS"],
    ),
    (
        {"ENDPOINTS": "own", "ENDPOINT_OWN_URL": "http://own.example", "ENDPOINT_OWN_MODELS": "m",
         "ENDPOINT_OWN_KEY": "<your key>"},
        ["ENDPOINT_OWN_KEY"],
    ),
    (
        {"ENDPOINT_OPENAI_IDLE_TIMEOUT": "nan"},
        ["ENDPOINT_OPENAI_IDLE_TIMEOUT"],
    ),
]  # fmt: skip
"""Settings that are wrong only together, and the names in the error."""
