#!/bin/sh
# Puts a backup where nothing is yet: deploy/restore.sh FILE DATABASE_URL
#
# SQLite: DATABASE_URL names a file that does not exist. Postgres: an empty database. No process of
# the chat may use it meanwhile. Run `manage.py migrate` afterwards if the code is newer.
set -eu
umask 077

file=${1:?usage: deploy/restore.sh FILE DATABASE_URL}
url=${2:?usage: deploy/restore.sh FILE DATABASE_URL}

case $url in
    sqlite:///*)
        path=${url#sqlite:///}
        for name in "$path" "$path-wal" "$path-shm"; do
            if [ -e "$name" ]; then
                echo "$name exists: move it away first." >&2
                exit 1
            fi
        done
        cp "$file" "$path"
        ;;
    postgres://* | postgresql://*)
        pg_restore --exit-on-error --single-transaction --no-owner --no-privileges \
            --dbname="$url" "$file"
        ;;
    *)
        echo "DATABASE_URL is neither sqlite:///… nor postgres://…" >&2
        exit 1
        ;;
esac
echo "Restored $file"
