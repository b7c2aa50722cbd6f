# The image of the web and worker processes. docs/deploy.md says how to run it.

FROM python:3.13-slim AS build
WORKDIR /build
COPY requirements.txt ./
COPY frontend ./frontend
# The environment is made without pip and filled from outside: the image cannot install anything.
# Every requirement has a wheel; the page is built by the Node of a wheel, which stays behind here.
RUN python -m venv --without-pip /opt/parley \
    && pip --python /opt/parley/bin/python install --no-cache-dir --disable-pip-version-check \
        --requirement requirements.txt


FROM python:3.13-slim
RUN useradd --system --uid 10001 --user-group --home-dir /data --no-create-home \
        --shell /usr/sbin/nologin parley \
    && install --directory --owner parley --group parley --mode 0750 /data
COPY --from=build /opt/parley /opt/parley
WORKDIR /app
COPY manage.py pyproject.toml Procfile ./
COPY templates ./templates
COPY chatproject ./chatproject
COPY chat ./chat
COPY deploy/backup.sh deploy/restore.sh ./deploy/
ENV PATH=/opt/parley/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    ENV_FILE= \
    PORT=8000 \
    DATABASE_URL=sqlite:////data/parley.sqlite3
# The settings want a key; this one signs nothing and is not kept.
RUN SECRET_KEY=only-to-collect-the-static-files-never-kept \
        python manage.py collectstatic --noinput --verbosity 0 \
    && python -m compileall -q /app
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/healthz', timeout=4)"]
# `exec`, so that daphne is process 1 and gets the signals; the shell is there for $PORT only.
CMD ["sh", "-c", "exec daphne -v 0 -b 0.0.0.0 -p $PORT --no-server-name --http-timeout 3600 --ping-interval 20 --ping-timeout 30 chatproject.asgi:application"]
