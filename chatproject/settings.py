"""Every knob of Parley, read from the environment (or `.env`) and nowhere else.

A missing or malformed value stops the start with the variable's name and what is allowed;
combinations that are each valid but unsafe together are system checks in `chat/checks.py`.
"""

import os
import re
import socket
import sys
import tomllib
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.utils.csp import CSP
from environs import Env, EnvValidationError, validate

from chatproject.endpoint_variables import read_endpoints, tidy_base_url
from chatproject.log_levels import logging_by

BASE_DIR = Path(__file__).resolve().parent.parent
VERSION: str = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())["project"]["version"]

env = Env(eager=True)
if env_file := os.environ.get("ENV_FILE", str(BASE_DIR / ".env")):
    env.read_env(env_file, recurse=False)


def _required(name: str, hint: str) -> str:
    value: str = env.str(name, "").strip()
    if not value:
        raise ImproperlyConfigured(f"{name} is not set. {hint}")
    return value


def _positive(name: str, default: int) -> int:
    value: int = env.int(name, default, validate=validate.Range(min=1))
    return value


def _seconds(name: str, default: float, maximum: float = 86400.0) -> float:
    value: float = env.float(name, default, validate=validate.Range(min=0.001, max=maximum))
    return value


def _switch(name: str, default: bool) -> bool:
    # `on` and `off` are how the documentation writes it; environs takes true/false, 1/0, yes/no.
    value: str = env.str(name, "").strip().lower()
    if not value:
        return default
    if value in {"on", "true", "1", "yes"}:
        return True
    if value in {"off", "false", "0", "no"}:
        return False
    raise ImproperlyConfigured(f"{name} is {value!r}; allowed are on and off.")


try:
    # --- who we are -----------------------------------------------------------------------
    SECRET_KEY = _required("SECRET_KEY", "`make run` writes one into .env; a PaaS generates one.")
    DEBUG = _switch("DEBUG", False)
    ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", ["localhost", "127.0.0.1"])
    CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", [])
    HTTPS = _switch("HTTPS", not DEBUG)
    TRUSTED_PROXIES: list[str] = env.list("TRUSTED_PROXIES", [])
    # A platform that sets these has a router in front, which ends TLS (see `chat/checks.py`).
    ON_PLATFORM = any(os.environ.get(name) for name in ("PORT", "DYNO"))
    ENCRYPTION_KEY: str = env.str("ENCRYPTION_KEY", "")
    AUDIT_KEY: str = env.str("AUDIT_KEY", "")
    SIGNUP: str = env.str("SIGNUP", "closed", validate=validate.OneOf(["closed", "open"]))
    TRANSCRIPT_ACCESS: str = env.str(
        "TRANSCRIPT_ACCESS", "staff", validate=validate.OneOf(["staff", "superusers"])
    )
    LOG_LEVEL: str = env.str(
        "LOG_LEVEL",
        "INFO",
        validate=validate.OneOf(["DEBUG", "INFO", "WARNING", "ERROR"]),
    ).upper()
    LOG_FORMAT: str = env.str(
        "LOG_FORMAT",
        "json" if ON_PLATFORM and not DEBUG else "console",
        validate=validate.OneOf(["json", "console"]),
    )
    METRICS_TOKEN: str = env.str("METRICS_TOKEN", "").strip()
    cors_origins: list[str] = env.list("CORS_ALLOWED_ORIGINS", [])
    CORS_ALLOWED_ORIGINS = [origin.strip() for origin in cors_origins]
    API_TOKENS = _switch("API_TOKENS", True)
    TOKENS_PER_USER = _positive("TOKENS_PER_USER", 50)
    TICKET_SECONDS = _positive("TICKET_SECONDS", 60)

    # --- database -------------------------------------------------------------------------
    DATABASE_URL: str = env.str("DATABASE_URL", f"sqlite:///{BASE_DIR / 'db.sqlite3'}")
    DATABASE_CONNECTIONS = _positive("DATABASE_CONNECTIONS", 6)
    DATABASES = {"default": env.dj_db_url("DATABASE_URL", DATABASE_URL)}
    # Off where a pooler in transaction mode stands before Postgres: it cannot pass a LISTEN on.
    DATABASE_LISTEN = _switch("DATABASE_LISTEN", True)
    REDIS_URL: str = env.str("REDIS_URL", "")

    # --- models ---------------------------------------------------------------------------
    OPENAI_API_KEY: str = env.str("OPENAI_API_KEY", "").strip()
    OPENAI_BASE_URL: str = tidy_base_url(env.str("OPENAI_BASE_URL", ""))
    CHAT_MODEL: list[str] = env.list("CHAT_MODEL", [])
    EMBEDDED_MODEL_URL: str = env.str("EMBEDDED_MODEL_URL", "")
    ENDPOINTS = read_endpoints(env, env.list("ENDPOINTS", []))
    SHOW_COST = _switch("SHOW_COST", False)
    CONNECT_TIMEOUT = _seconds("CONNECT_TIMEOUT", 10)
    FIRST_TOKEN_TIMEOUT = _seconds("FIRST_TOKEN_TIMEOUT", 60)
    IDLE_TIMEOUT = _seconds("IDLE_TIMEOUT", 60)
    UPSTREAM_TRIES = _positive("UPSTREAM_TRIES", 3)

    # --- replies --------------------------------------------------------------------------
    WORKERS: str = env.str("WORKERS", "embedded", validate=validate.OneOf(["embedded", "separate"]))
    RUNNING_REPLIES_PER_USER = _positive("RUNNING_REPLIES_PER_USER", 3)
    QUEUED_REPLIES_PER_USER = _positive("QUEUED_REPLIES_PER_USER", 100)
    REPLY_BYTES = _positive("REPLY_BYTES", 1024 * 1024)
    DRAIN_SECONDS = _seconds("DRAIN_SECONDS", 4, maximum=25)
    CHECKPOINT_SECONDS = _seconds("CHECKPOINT_SECONDS", 1)
    LEASE_SECONDS = _seconds("LEASE_SECONDS", 8)
    SESSION_CHECK_SECONDS = _seconds("SESSION_CHECK_SECONDS", 3)
    PACE_SECONDS = _seconds("PACE_SECONDS", 0.04, maximum=1)
    PACE_SECONDS_UNDER_LOAD = _seconds("PACE_SECONDS_UNDER_LOAD", 0.1, maximum=2)

    # --- connections ----------------------------------------------------------------------
    SOCKETS_PER_USER = _positive("SOCKETS_PER_USER", 10)
    FRAMES_PER_MINUTE = _positive("FRAMES_PER_MINUTE", 120)
    FLOW_FRAMES_PER_MINUTE = _positive("FLOW_FRAMES_PER_MINUTE", 1200)
    BAD_FRAMES_PER_MINUTE = _positive("BAD_FRAMES_PER_MINUTE", 20)
    CONTROL_FRAME_BYTES = _positive("CONTROL_FRAME_BYTES", 64 * 1024)
    MESSAGE_BYTES = _positive("MESSAGE_BYTES", 512 * 1024)
    API_BODY_BYTES = _positive("API_BODY_BYTES", 4 * 1024 * 1024)
    API_STORE_OPTIONAL = _switch("API_STORE_OPTIONAL", False)
    UNACKNOWLEDGED_BYTES = _positive("UNACKNOWLEDGED_BYTES", 256 * 1024)
    SLOW_CLIENT_SECONDS = _seconds("SLOW_CLIENT_SECONDS", 30)
    SILENCE_SECONDS = _seconds("SILENCE_SECONDS", 15)
    QUEUED_STREAM_SECONDS = _seconds("QUEUED_STREAM_SECONDS", 60)
    REQUEST_DAYS = _positive("REQUEST_DAYS", 7)
    CHANGES_DAYS = _positive("CHANGES_DAYS", 30)
    CHANGES_OBJECTS = _positive("CHANGES_OBJECTS", 1000)

    # --- mail (optional; password reset is offered only with it) --------------------------
    EMAIL_URL: str = env.str("EMAIL_URL", "")
    if EMAIL_URL:
        mail: dict[str, Any] = env.dj_email_url("EMAIL_URL")
        if "EMAIL_BACKEND" not in mail:
            raise ImproperlyConfigured(
                "EMAIL_URL begins with submission:// (TLS), smtp:// or console:, "
                "as in submission://user:password@mail.example:587."
            )
        MAILERS: dict[str, dict[str, Any]] = {"default": {"BACKEND": mail["EMAIL_BACKEND"]}}
        if EMAIL_URL.startswith(("smtp", "subm")):
            MAILERS["default"]["OPTIONS"] = {
                "host": mail["EMAIL_HOST"],
                "port": mail["EMAIL_PORT"],
                "username": mail["EMAIL_HOST_USER"],
                "password": mail["EMAIL_HOST_PASSWORD"],
                "use_tls": mail["EMAIL_USE_TLS"],
                "use_ssl": mail["EMAIL_USE_SSL"],
                "timeout": mail["EMAIL_TIMEOUT"] or 10,
            }
        DEFAULT_FROM_EMAIL: str = env.str(
            "EMAIL_FROM", mail["EMAIL_HOST_USER"] or "parley@localhost"
        )
except EnvValidationError as error:
    raise ImproperlyConfigured(str(error)) from error

if len(SECRET_KEY) < 32:
    raise ImproperlyConfigured("SECRET_KEY must be a secret of at least 32 characters.")
for origin in CSRF_TRUSTED_ORIGINS:
    if "://" not in origin:
        raise ImproperlyConfigured(
            f"CSRF_TRUSTED_ORIGINS has {origin!r}; each needs its scheme, as in https://chat.example."
        )
for origin in CORS_ALLOWED_ORIGINS:
    # As browsers send it: lower case, no default port. Other schemes are those of apps.
    written = re.fullmatch(r"[a-z][a-z0-9+.-]*://([a-z0-9_.-]+|\[[0-9a-f:.]+\])(:\d+)?", origin)
    if not written or re.fullmatch(r"(http://.*:80|https://.*:443)", origin):
        raise ImproperlyConfigured(
            f"CORS_ALLOWED_ORIGINS has {origin!r}; each is a scheme, a host and perhaps a port, "
            "in lower case and as browsers send it: https://app.example, http://localhost:5173. "
            "No path, no *, no :80 or :443."
        )

SQLITE = DATABASES["default"]["ENGINE"].endswith("sqlite3")
if SQLITE:
    # Deferred transactions that read before they write fail with "database is locked" under
    # concurrent writers (135 of 240 with Django's defaults, none with these).
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 5,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
else:
    DATABASES["default"]["CONN_MAX_AGE"] = 0
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
    DATABASES["default"]["OPTIONS"] = {
        # Who it is in pg_stat_activity; and a network that goes silent is an error within seconds.
        "application_name": f"parley {socket.gethostname()[:30]}:{os.getpid()}",
        "connect_timeout": 5,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 2,
        "tcp_user_timeout": 15000,
        **DATABASES["default"].get("OPTIONS", {}),
        # Besides the pool: two of the worker, and one that listens.
        "pool": {"min_size": 1, "max_size": max(1, DATABASE_CONNECTIONS - 3), "timeout": 10},
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
    "chat.logs.requests",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",  # outside: on every answer
    "django.middleware.security.SecurityMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "servestatic.middleware.ServeStaticMiddleware",
    "chat.caching.no_store",
    "chat.api.problems.problems_for_pages",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
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
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
ACCOUNT_ADAPTER = "chat.forms.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_SESSION_REMEMBER = True
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_LOGOUT_REDIRECT_URL = "/accounts/login/"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_ALLOW_UNVERIFIED_EMAIL = True  # addresses are not verified here, see above
SESSION_ENGINE = "django.contrib.sessions.backends.db"  # the session check compares rows

# --- security -----------------------------------------------------------------------------
SECURE_CSP = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF],
    "style-src": [CSP.SELF],
    "img-src": [CSP.SELF, "data:"],
    "font-src": [CSP.SELF],
    "connect-src": [CSP.SELF],
    "manifest-src": [CSP.SELF],
    "form-action": [CSP.SELF],
    "base-uri": [CSP.NONE],
    "object-src": [CSP.NONE],
    "frame-ancestors": [CSP.NONE],
}
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
if HTTPS:
    SECURE_SSL_REDIRECT = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    SECURE_HSTS_SECONDS = 31536000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
else:
    SECURE_CROSS_ORIGIN_OPENER_POLICY = None  # ignored over HTTP, with a complaint in the console
if TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
DATA_UPLOAD_MAX_MEMORY_SIZE = MESSAGE_BYTES

# Pages of CORS_ALLOWED_ORIGINS use the API with a token; no cookie ever counts for them.
CORS_URLS_REGEX = r"^/(api/)?v1/"
CORS_ALLOW_CREDENTIALS = False
CORS_ALLOW_METHODS = ["GET", "POST", "PATCH", "DELETE", "OPTIONS"]
CORS_ALLOW_HEADERS = [
    "authorization",
    "content-type",
    "accept",
    "last-event-id",
    "idempotency-key",
    "*",  # what SDKs tell of themselves; it does not cover Authorization
]
CORS_EXPOSE_HEADERS = ["Retry-After", "X-Request-Id", "WWW-Authenticate"]

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
COLLECTED = "collectstatic" in sys.argv or (STATIC_ROOT / "staticfiles.json").exists()
SERVESTATIC_USE_FINDERS = not COLLECTED
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "servestatic.storage.CompressedManifestStaticFilesStorage"
        if COLLECTED
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True

DEFAULT_EXCEPTION_REPORTER_FILTER = "chat.reports.NoValues"
LOGGING = logging_by(LOG_LEVEL, LOG_FORMAT)
