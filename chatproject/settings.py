"""Every knob of Parley, read from the environment (or `.env`) and nowhere else.

A missing or malformed value stops the start with the variable's name and the allowed values;
combinations that are each valid but unsafe together are system checks in `chat/checks.py`.
"""

import os
import socket
import sys
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.core.exceptions import ImproperlyConfigured
from environs import EnvValidationError

from chat.database.waiting import CONNECTION_SECONDS
from chat.proxy_list import parse as parse_proxies
from chatproject.browser_rules import CONTENT_POLICY, HEADERS_OF_OTHERS
from chatproject.combinations import check_combinations
from chatproject.cookies import cookie_names
from chatproject.database_url import is_pooled, read_database_url, sqlite_options
from chatproject.endpoint_variables import read_base_url, read_endpoints
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
from chatproject.redis_url import check_redis_url
from chatproject.static_files import is_collected, keep_chunks

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
DATABASES["default"]["ENGINE"] = f"chatproject.backends.{'sqlite3' if SQLITE else 'postgresql'}"
if SQLITE:
    DATABASES["default"]["OPTIONS"] = sqlite_options(SQLITE_SYNCHRONOUS)
else:
    DATABASES["default"]["CONN_MAX_AGE"] = 0
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
    DATABASES["default"]["OPTIONS"] = {
        # Its name in pg_stat_activity; and a network that goes silent is an error within seconds.
        "application_name": f"parley {socket.gethostname()[:30]}:{os.getpid()}",
        "connect_timeout": 5,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 2,
        "tcp_user_timeout": 15000,
        **DATABASES["default"].get("OPTIONS", {}),
        # Of requests and sockets. Besides it: one of the lease, two of generation, two of the
        # worker, and one that listens.
        "pool": {
            "min_size": 1,
            "max_size": max(1, DATABASE_CONNECTIONS - 6),
            "timeout": CONNECTION_SECONDS,
            "reconnect_timeout": CONNECTION_SECONDS,
        },
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "daphne",  # first: `runserver` then serves the sockets too
    "chat",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "servestatic.runserver_nostatic",
    "django.contrib.staticfiles",
    "channels",
    "ninja",  # the files of the page about the API
    "corsheaders",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
]
if not SQLITE:
    INSTALLED_APPS.append("procrastinate.contrib.django")
    PROCRASTINATE_AUTODISCOVER_MODULE_NAME = ""  # the one task is in chat/replies/worker.py

# All of them async: one that is not would hold a thread for as long as a view waits. So without
# that of allauth.usersessions, which only notes who was here last, where that is wanted.
MIDDLEWARE = [
    "chat.trusted_proxies.believe_proxies",  # outermost: the others then read true values
    "chat.logs.requests",
    "chat.api.openai.addresses.tidy_addresses",  # before all that looks at an address
    "chat.unavailable.answered_in_time",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",  # outside: on every answer
    "django.middleware.security.SecurityMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "servestatic.middleware.ServeStaticMiddleware",
    "chat.caching.no_store",
    "chat.languages.in_language_of_browser",  # outside of all that answers with a sentence
    "chat.api.problems.problems_for_pages",
    "chat.unavailable.searches_in_turn",  # before all that asks the database
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "chat.languages.in_language_of_user",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "chat.second_factor.lost_second_factor_page",
]

ROOT_URLCONF = "chatproject.urls"
ASGI_APPLICATION = "chatproject.asgi.application"
CHANNEL_LAYERS: dict[str, Any] = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
if REDIS_URL:
    # PaaS Redis over TLS has a self-signed certificate; on redis:// the option would raise.
    redis_host: dict[str, Any] = {"address": REDIS_URL}
    if REDIS_URL.startswith("rediss://"):
        redis_host["ssl_cert_reqs"] = None
    CHANNEL_LAYERS["default"] = {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [redis_host]},
    }

# Counts of log-ins, and used codes of second factors: for all processes, beyond a restart.
CACHES: dict[str, Any] = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "chat_cache",
        "OPTIONS": {"MAX_ENTRIES": 20_000},
    }
}
if REDIS_URL:
    redis_options: dict[str, Any] = {"socket_timeout": 1}
    if not REDIS_URL.startswith("unix"):
        redis_options["socket_connect_timeout"] = 1
    if REDIS_URL.startswith("rediss://"):
        redis_options["ssl_cert_reqs"] = None
    CACHES["default"] = {
        "BACKEND": "chat.shared_cache.RedisOrDatabase",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "parley",
        "OPTIONS": redis_options,
    }

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
INSTALLED_APPS.append("django.forms")

# --- accounts -----------------------------------------------------------------------------
AUTHENTICATION_BACKENDS = [
    "chat.log_in.AccountBackend",
    # Is never asked about a password; sessions from before the other are under its name.
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
ACCOUNT_ADAPTER = "chat.account_adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False  # or anybody could have mail sent to any address
ACCOUNT_REAUTHENTICATION_REQUIRED = bool(PASSWORD_AGAIN_MINUTES)
ACCOUNT_REAUTHENTICATION_TIMEOUT = (PASSWORD_AGAIN_MINUTES or 15) * 60
ACCOUNT_FORMS = {
    "signup": "chat.password_forms.SignUpForm",
    "add_email": "chat.password_forms.NewAddressForm",
    "change_password": "chat.password_forms.NewPasswordForm",
    "set_password": "chat.password_forms.FirstPasswordForm",
    "reset_password": "chat.password_forms.ForgottenPasswordForm",
    "reset_password_from_key": "chat.password_forms.PasswordByMailForm",
}
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_SESSION_REMEMBER = True
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_LOGOUT_REDIRECT_URL = "/accounts/login/"
MFA_ADAPTER = "chat.second_factor.SealingAdapter"
MFA_FORMS = {
    "authenticate": "chat.second_factor.CodeForm",
    "reauthenticate": "chat.second_factor.CodeAgainForm",
    "activate_totp": "chat.second_factor.NewAppForm",
}
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_ALLOW_UNVERIFIED_EMAIL = True  # addresses are not verified here, see above
SESSION_ENGINE = "chat.staff_sessions"  # in the database: the session check compares rows

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
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "servestatic.storage.CompressedManifestStaticFilesStorage"
        if COLLECTED
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch"), ("hu", "Magyar"), ("zh-hans", "简体中文")]
LOCALE_PATHS = [BASE_DIR / "chat" / "locale"]
FORMAT_MODULE_PATH = ["chatproject.formats"]
TIME_ZONE = "UTC"
USE_TZ = True

DEFAULT_EXCEPTION_REPORTER_FILTER = "chat.reports.NoValues"
LOGGING = logging_by(LOG_LEVEL, LOG_FORMAT)
