#!/bin/sh
# A backup of the chat while it runs: deploy/backup.sh DIRECTORY [DAYS]
#
# DATABASE_URL comes from the environment, or else from the file that ENV_FILE names (.env). Writes
# one file named after the time, checks that it can be read, and deletes those older than DAYS (30).
# What is not in it: ENCRYPTION_KEY, without which stored API keys cannot be read.
set -eu
umask 077

directory=${1:?usage: deploy/backup.sh DIRECTORY [DAYS]}
days=${2:-30}
app=$(cd "$(dirname "$0")/.." && pwd)
env_file=${ENV_FILE:-$app/.env}
if [ -z "${DATABASE_URL:-}" ] && [ -r "$env_file" ]; then
    DATABASE_URL=$(sed -n 's/^DATABASE_URL=//p' "$env_file" | tail -n 1)
fi
url=${DATABASE_URL:-sqlite:///$app/db.sqlite3}
mkdir -p "$directory"
target=$directory/parley-$(date -u +%Y%m%dT%H%M%SZ)

case $url in
    sqlite:///*)
        target=$target.sqlite3
        python3 - "${url#sqlite:///}" "$target.part" <<'END'
import sqlite3, sys
from contextlib import closing
from pathlib import Path

source, target = map(Path, sys.argv[1:])
with closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=rw", uri=True, timeout=60)) as database:
    database.execute("VACUUM INTO ?", [str(target)])
with closing(sqlite3.connect(target)) as copy:
    (answer,) = copy.execute("PRAGMA integrity_check").fetchone()
if answer != "ok":
    sys.exit(f"The copy is damaged: {answer}")
END
        ;;
    postgres://* | postgresql://*)
        target=$target.dump
        pg_dump --format=custom --no-owner --no-privileges --file="$target.part" --dbname="$url"
        pg_restore --list "$target.part" >/dev/null
        ;;
    *)
        echo "DATABASE_URL is neither sqlite:///… nor postgres://…" >&2
        exit 1
        ;;
esac
mv "$target.part" "$target"
find "$directory" -maxdepth 1 -name 'parley-*' -type f -mtime "+$days" -delete
echo "$target"
