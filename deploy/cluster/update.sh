#!/bin/sh
# Update the services of compose.yaml one after the other, without losing a caption: docs/scale.md describes how. It begins
# only if all are ready, and stops at the first one that is not ready again within five minutes.
set -eu
cd "$(dirname "$0")"
PATIENCE=${PATIENCE:-150} # times that a service is looked at, two seconds apart
SETTLE=${SETTLE:-15}      # seconds that clients have to connect again before the next service stops
services=$(docker compose config --services | grep '^surtitle-' | sort)

is_ready() { # as the image's health check says, which reads /readyz
    container=$(docker compose ps --quiet "$1")
    [ -n "$container" ] && [ "$(docker inspect --format '{{.State.Health.Status}}' "$container")" = healthy ]
}

for service in $services; do
    if ! is_ready "$service"; then
        echo "$service is not ready, so nothing was updated: see \`docker compose logs $service\`." >&2
        exit 1
    fi
done

# shellcheck disable=SC2086 # a list
docker compose build --pull $services

for service in $services; do
    echo "Updating $service"
    docker compose up --detach --no-deps "$service"
    looked=0
    until is_ready "$service"; do
        looked=$((looked + 1))
        if [ "$looked" -ge "$PATIENCE" ]; then
            echo "$service does not become ready, so those after it were not updated: see \`docker compose logs $service\`." >&2
            exit 1
        fi
        sleep 2
    done
    sleep "$SETTLE"
done
