#!/bin/sh
# Parley by curl: PARLEY_TOKEN=prl_... sh curl.sh
set -eu
server="${PARLEY_URL:-http://127.0.0.1:8000}"
api="$server/api/v1"
# -N shows each line as it comes; -f fails on an error.
ask() { curl -sSfN -H "Authorization: Bearer $PARLEY_TOKEN" -H "Content-Type: application/json" "$@"; }
field() { python3 -c "import json, sys; print(json.load(sys.stdin)$1)"; }

# Send a message and read its reply, one frame a line.
id=$(python3 -c 'import uuid; print(uuid.uuid4())')
message="{\"id\": \"$id\", \"conversation\": null, \"parent\": null, \"text\": \"Hello!\"}"
ask -H "Accept: application/x-ndjson" -d "$message" "$api/messages"

# The same id again is the same message: nothing is sent twice.
reply=$(ask -d "$message" "$api/messages" | field "['reply']")

# Follow a reply from a position (attempt.text.reasoning) on; here from its 3rd character.
ask -H "Accept: application/x-ndjson" "$api/replies/$reply/events?from=1.3.0"

# The same as server-sent events.
ask -H "Accept: text/event-stream" "$api/replies/$reply/events"

# What there is.
ask "$api/conversations?limit=3"

# As OpenAI's API has it.
model=$(ask "$server/v1/models" | field "['data'][0]['id']")
hello='[{"role": "user", "content": "Hello!"}]'
ask -d "{\"model\": \"$model\", \"messages\": $hello, \"stream\": true}" "$server/v1/chat/completions"
