"""Settings: each is read here from the environment (or `.env`), and nowhere else.

A missing or malformed value stops the start with the variable's name and the allowed values
(`combinations.py` those that contradict each other). Doubtful ones are system checks in
`chat/checks.py`. The second half configures Django from them; longer parts of that are in modules
beside this one.
"""

import os
import sys
import tomllib
from pathlib import Path
from urllib.parse import quote

from django.core.exceptions import ImproperlyConfigured
from environs import EnvValidationError

from chat.proxy_list import parse as parse_proxies
from chatproject import applications
from chatproject.account_settings import *  # noqa: F403 – constants, Django's and allauth's
from chatproject.browser_rules import CONTENT_POLICY, HEADERS_OF_OTHERS
from chatproject.combinations import check_combinations
from chatproject.cookies import cookie_names
from chatproject.database_connection import connection
from chatproject.database_url import is_pooled, read_database_url
from chatproject.endpoint_variables import read_base_url, read_endpoints, read_model_id
from chatproject.environment import Environment
from chatproject.hosts import (
    check_allowed_hosts,
    check_cors_origins,
    check_listening_host,
    check_trusted_origins,
)
from chatproject.log_levels import logging_by
from chatproject.mail import check_sender, read_mailers
from chatproject.names import find_unknown_names, read_process_name
from chatproject.redis_url import caches, channel_layers, check_redis_url
from chatproject.static_files import is_collected, keep_chunks, storages

BASE_DIR = Path(__file__).resolve().parent.parent
VERSION: str = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())["project"]["version"]

env = Environment()
if ENV_FILE := os.environ.get("ENV_FILE", str(BASE_DIR / ".env")):
    env.read_file(Path(ENV_FILE), required="ENV_FILE" in os.environ)
_positive, _seconds, _switch = env.number, env.seconds, env.switch

try:
    # --- identity -------------------------------------------------------------------------
    SECRET_KEY = env.secret("SECRET_KEY", shortest=32)
    if not SECRET_KEY:
        raise ImproperlyConfigured(
            "SECRET_KEY is not set; allowed are 32 characters and more (`make run` writes one into "
            ".env, a PaaS generates one)."
        )
    DEBUG = _switch("DEBUG", False)
    HTTPS = _switch("HTTPS", not DEBUG)
    HSTS_SECONDS = _positive("HSTS_SECONDS", 3600, minimum=0, maximum=2 * 365 * 86400)
    HSTS_SUBDOMAINS = _switch("HSTS_SUBDOMAINS", False)
    HSTS_PRELOAD = _switch("HSTS_PRELOAD", False)
    # Allowed origins, as far as the settings show.
    PRODUCTION = HTTPS and not DEBUG
    ALLOWED_HOSTS = check_allowed_hosts(
        env.items("ALLOWED_HOSTS", ["localhost", "127.0.0.1"]), production=PRODUCTION
    )
    CSRF_TRUSTED_ORIGINS = check_trusted_origins(env.items("CSRF_TRUSTED_ORIGINS"))
    CORS_ALLOWED_ORIGINS = check_cors_origins(env.items("CORS_ALLOWED_ORIGINS"))
    TRUSTED_PROXIES: list[str] = env.items("TRUSTED_PROXIES")
    parse_proxies(TRUSTED_PROXIES)
    # A platform that sets these has a router in front, which ends TLS (see `chat/checks.py`).
    PORT = env.number_if_set("PORT", maximum=65535)
    ON_PLATFORM = any(os.environ.get(name) for name in ("PORT", "DYNO"))
    ENCRYPTION_KEY: str = env.secret("ENCRYPTION_KEY")
    AUDIT_KEY: str = env.secret("AUDIT_KEY", shortest=16)
    COOKIE_NAMES = cookie_names(env.text("COOKIE_NAME"), SECRET_KEY, secure=HTTPS)
    SIGNUP: str = env.choice("SIGNUP", "closed", ["closed", "open"])
    TRANSCRIPT_ACCESS: str = env.choice("TRANSCRIPT_ACCESS", "staff", ["staff", "superusers"])
    LOG_LEVEL: str = env.choice("LOG_LEVEL", "INFO", ["DEBUG", "INFO", "WARNING", "ERROR"])
    LOG_FORMAT: str = env.choice(
        "LOG_FORMAT", "json" if ON_PLATFORM and not DEBUG else "console", ["json", "console"]
    )
    METRICS_TOKEN: str = env.credential("METRICS_TOKEN", shortest=16)
    METRICS_PORT = env.number_if_set("METRICS_PORT", maximum=65535)
    METRICS_HOST = check_listening_host("METRICS_HOST", env.str("METRICS_HOST", "127.0.0.1"))
    PROCESS_NAME = read_process_name(env, PORT)
    API_TOKENS = _switch("API_TOKENS", True)
    TOKENS_PER_USER = _positive("TOKENS_PER_USER", 50)
    FOLDERS_PER_USER = _positive("FOLDERS_PER_USER", 100, maximum=10_000)
    PINS_PER_USER = _positive("PINS_PER_USER", 100, maximum=10_000)
    UNDO_SECONDS = _seconds("UNDO_SECONDS", 30, minimum=0, maximum=86_400)
    TEMPORARY_CHATS = _switch("TEMPORARY_CHATS", True)
    TEMPORARY_SECONDS = _seconds("TEMPORARY_SECONDS", 3600, minimum=1, maximum=30 * 86_400)
    TICKET_SECONDS = _positive("TICKET_SECONDS", 60, maximum=86400)
    STAFF_SESSION_HOURS = _positive("STAFF_SESSION_HOURS", 12, maximum=24 * 365)
    # 0: pages that protect accounts, endpoints and tokens do not ask again.
    PASSWORD_AGAIN_MINUTES = _positive("PASSWORD_AGAIN_MINUTES", 15, minimum=0, maximum=1440)

    # --- database -------------------------------------------------------------------------
    DATABASE_URL: str = env.str("DATABASE_URL", f"sqlite:///{quote(str(BASE_DIR / 'db.sqlite3'))}")
    DATABASE_CONNECTIONS = _positive("DATABASE_CONNECTIONS", 8, maximum=1000)
    DATABASES = {"default": read_database_url(DATABASE_URL)}
    SQLITE = DATABASES["default"]["ENGINE"].endswith("sqlite3")
    SQLITE_SYNCHRONOUS: str = env.choice("SQLITE_SYNCHRONOUS", "normal", ["normal", "full"])
    DATABASE_POOLED = is_pooled(DATABASE_URL)
    DATABASE_LISTEN = _switch("DATABASE_LISTEN", True)  # off behind a pooler in transaction mode
    REDIS_URL: str = check_redis_url(env.text("REDIS_URL"))

    # --- models ---------------------------------------------------------------------------
    OPENAI_API_KEY: str = env.credential("OPENAI_API_KEY")
    OPENAI_BASE_URL: str = read_base_url(env, "OPENAI_BASE_URL")
    CHAT_MODEL: list[str] = env.items("CHAT_MODEL")
    EMBEDDED_MODEL_URL: str = read_base_url(env, "EMBEDDED_MODEL_URL")
    ENDPOINTS = read_endpoints(env, env.items("ENDPOINTS"))
    # Of endpoints that staff add; those of the environment may be anywhere.
    PRIVATE_ENDPOINTS = _switch("PRIVATE_ENDPOINTS", True)
    SHOW_COST = _switch("SHOW_COST", False)
    CONNECT_TIMEOUT = _seconds("CONNECT_TIMEOUT", 10)
    FIRST_TOKEN_TIMEOUT = _seconds("FIRST_TOKEN_TIMEOUT", 300)
    IDLE_TIMEOUT = _seconds("IDLE_TIMEOUT", 60)
    UPSTREAM_TRIES = _positive("UPSTREAM_TRIES", 3, maximum=20)
    TITLES: str = env.choice("TITLES", "model", ["model", "first-words"])
    TITLE_MODEL: str = read_model_id(env, "TITLE_MODEL")

    # --- replies --------------------------------------------------------------------------
    WORKERS: str = env.choice("WORKERS", "embedded", ["embedded", "separate"])
    RUNNING_REPLIES_PER_USER = _positive("RUNNING_REPLIES_PER_USER", 3)
    QUEUED_REPLIES_PER_USER = _positive("QUEUED_REPLIES_PER_USER", 100)
    RUNNING_REPLIES_PER_TOKEN = _positive("RUNNING_REPLIES_PER_TOKEN", 10)
    QUEUED_REPLIES_PER_TOKEN = _positive("QUEUED_REPLIES_PER_TOKEN", 100)
    CALLS_PER_MINUTE_PER_TOKEN = _positive("CALLS_PER_MINUTE_PER_TOKEN", 600)
    CLAIM_AT_SEND_REPLIES = _positive("CLAIM_AT_SEND_REPLIES", 100, minimum=0)
    CLAIM_AT_SEND_LAG = _seconds("CLAIM_AT_SEND_LAG", 0.1, maximum=60)
    REPLY_BYTES = _positive("REPLY_BYTES", 1024 * 1024, minimum=1024)
    DRAIN_SECONDS = _seconds("DRAIN_SECONDS", 4, minimum=0, maximum=25)
    CHECKPOINT_SECONDS = _seconds("CHECKPOINT_SECONDS", 1, minimum=0.05, maximum=60)
    LEASE_SECONDS = _seconds("LEASE_SECONDS", 8, minimum=1, maximum=600)
    SESSION_CHECK_SECONDS = _seconds("SESSION_CHECK_SECONDS", 3, minimum=0.1, maximum=300)
    PACE_SECONDS = _seconds("PACE_SECONDS", 0.04, maximum=1)
    PACE_SECONDS_UNDER_LOAD = _seconds("PACE_SECONDS_UNDER_LOAD", 0.1, maximum=2)

    # --- connections ----------------------------------------------------------------------
    SOCKETS_PER_USER = _positive("SOCKETS_PER_USER", 10)
    FRAMES_PER_MINUTE = _positive("FRAMES_PER_MINUTE", 120)
    FLOW_FRAMES_PER_MINUTE = _positive("FLOW_FRAMES_PER_MINUTE", 1200)
    BAD_FRAMES_PER_MINUTE = _positive("BAD_FRAMES_PER_MINUTE", 20)
    CONTROL_FRAME_BYTES = _positive("CONTROL_FRAME_BYTES", 64 * 1024, minimum=1024)
    MESSAGE_BYTES = _positive("MESSAGE_BYTES", 512 * 1024, minimum=1024)
    API_BODY_BYTES = _positive("API_BODY_BYTES", 4 * 1024 * 1024, minimum=1024)
    API_STORE_OPTIONAL = _switch("API_STORE_OPTIONAL", False)
    UNACKNOWLEDGED_BYTES = _positive("UNACKNOWLEDGED_BYTES", 256 * 1024, minimum=1024)
    HELD_BYTES_PER_SOCKET = _positive("HELD_BYTES_PER_SOCKET", 512 * 1024, minimum=1024)
    HELD_BYTES_PER_USER = _positive("HELD_BYTES_PER_USER", 4 * 1024 * 1024, minimum=1024)
    STORED_TEXT_BYTES = _positive("STORED_TEXT_BYTES", 16 * 1024 * 1024, minimum=1024 * 1024)
    REQUEST_SECONDS = _seconds("REQUEST_SECONDS", 60, minimum=1)
    SLOW_CLIENT_SECONDS = _seconds("SLOW_CLIENT_SECONDS", 30, minimum=1)
    SILENCE_SECONDS = _seconds("SILENCE_SECONDS", 15, minimum=1, maximum=300)
    QUEUED_STREAM_SECONDS = _seconds("QUEUED_STREAM_SECONDS", 60)
    REQUEST_DAYS = _positive("REQUEST_DAYS", 7, maximum=36500)
    CHANGES_DAYS = _positive("CHANGES_DAYS", 30, maximum=36500)
    CHANGES_OBJECTS = _positive("CHANGES_OBJECTS", 1000)

    # --- mail (optional; password reset is offered only with it) --------------------------
    EMAIL_URL: str = env.text("EMAIL_URL")
    sender = env.text("EMAIL_FROM")
    if EMAIL_URL:
        MAILERS, user = read_mailers(EMAIL_URL)
        sender = sender or (user if "@" in user else "parley@localhost")
    if sender:
        DEFAULT_FROM_EMAIL = check_sender(sender)
except EnvValidationError as error:
    raise ImproperlyConfigured(str(error)) from error

check_combinations(globals())
UNKNOWN_NAMES = find_unknown_names(env)

# Django's own, which give up in time where a person waits (see `chat/database/waiting.py`).
DATABASES["default"] |= connection(
    DATABASES["default"], synchronous=SQLITE_SYNCHRONOUS, connections=DATABASE_CONNECTIONS
)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = applications.installed_apps(postgres=not SQLITE)
PROCRASTINATE_AUTODISCOVER_MODULE_NAME = ""  # the one task is in chat/replies/worker.py
MIDDLEWARE = applications.MIDDLEWARE
TEMPLATES = applications.templates(BASE_DIR)
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

ROOT_URLCONF = "chatproject.urls"
ASGI_APPLICATION = "chatproject.asgi.application"
CHANNEL_LAYERS = channel_layers(REDIS_URL)
CACHES = caches(REDIS_URL)

# --- accounts (besides `account_settings.py`) ----------------------------------------------
ACCOUNT_REAUTHENTICATION_REQUIRED = bool(PASSWORD_AGAIN_MINUTES)
ACCOUNT_REAUTHENTICATION_TIMEOUT = (PASSWORD_AGAIN_MINUTES or 15) * 60

# --- security -----------------------------------------------------------------------------
SECURE_CSP = CONTENT_POLICY
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "chat.csrf_page.refused"
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME, LANGUAGE_COOKIE_NAME = COOKIE_NAMES
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
if HTTPS:
    SECURE_SSL_REDIRECT = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    LANGUAGE_COOKIE_SECURE = True
    SECURE_HSTS_SECONDS = HSTS_SECONDS
    SECURE_HSTS_INCLUDE_SUBDOMAINS = HSTS_SUBDOMAINS
    SECURE_HSTS_PRELOAD = HSTS_PRELOAD
    # Django would promise this for all sub-domains, and for years: here it is a setting.
    SILENCED_SYSTEM_CHECKS = ["security.W004", "security.W005", "security.W021"]
else:
    SECURE_CROSS_ORIGIN_OPENER_POLICY = None  # ignored over HTTP, with a complaint in the console
if TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
DATA_UPLOAD_MAX_MEMORY_SIZE = MESSAGE_BYTES

# Pages of CORS_ALLOWED_ORIGINS use the API with a token; no cookie ever counts for them.
CORS_URLS_REGEX = r"^/(api/)?v1/"
CORS_ALLOW_CREDENTIALS = False
CORS_ALLOW_METHODS = ["GET", "POST", "PATCH", "DELETE", "OPTIONS"]
CORS_ALLOW_HEADERS = HEADERS_OF_OTHERS
CORS_EXPOSE_HEADERS = ["Retry-After", "X-Request-Id", "WWW-Authenticate", "X-Parley-Stored"]

# --- static files and language ------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
try:
    import parley_frontend
except ModuleNotFoundError as error:
    raise ImproperlyConfigured(
        "The page is not built: run `make`, or `pip install ./frontend`."
    ) from error
STATICFILES_DIRS = [parley_frontend.static_dir]
# A deployment collects (its files then have hashed names and are cached for ever); a checkout
# that never did serves them from where they are.
if "collectstatic" in sys.argv:
    os.umask(0o022)  # they are public: the service's user has to read them, whichever user collects
COLLECTED = "collectstatic" in sys.argv or is_collected(STATIC_ROOT)
SERVESTATIC_USE_FINDERS = not COLLECTED
SERVESTATIC_ADD_HEADERS_FUNCTION = keep_chunks
STORAGES = storages(COLLECTED)
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch"), ("hu", "Magyar"), ("zh-hans", "简体中文")]
LOCALE_PATHS = [BASE_DIR / "chat" / "locale"]
FORMAT_MODULE_PATH = ["chatproject.formats"]
TIME_ZONE = "UTC"
USE_TZ = True

DEFAULT_EXCEPTION_REPORTER_FILTER = "chat.reports.NoValues"
LOGGING = logging_by(LOG_LEVEL, LOG_FORMAT)
