#!/bin/sh
# A backup of the chat while it runs: deploy/backup.sh DIRECTORY [DAYS]
#
# `manage.py backup` with the Python that has Parley's packages: $PYTHON, or that of .venv or venv
# beside the code, or python3. The settings (ENV_FILE, .env, the environment) say which database.
set -eu
directory=${1:?usage: deploy/backup.sh DIRECTORY [DAYS]}
days=${2:-30}
app=$(cd "$(dirname "$0")/.." && pwd)
case $directory in
    /*) ;;
    *) directory=$PWD/$directory ;;
esac
python=${PYTHON:-python3}
if [ -z "${PYTHON:-}" ]; then
    for found in "$app/.venv/bin/python" "$app/venv/bin/python" "$app/../venv/bin/python"; do
        if [ -x "$found" ]; then
            python=$found
            break
        fi
    done
fi
if ! "$python" -c 'import django' 2>/dev/null; then
    echo "$python has not the packages of Parley: name one that has, PYTHON=/opt/parley/venv/bin/python" >&2
    exit 1
fi
cd "$app"
exec "$python" manage.py backup "$directory" --days "$days"
