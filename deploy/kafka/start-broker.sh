#!/bin/sh
# One Kafka node on loopback, for trying things out. Needs Java 17 and, the first time, Maven. Run `npm ci` before.
root=$(cd "$(dirname "$0")/../.." && pwd) || exit 1
PATH="$root/node_modules/.bin:$PATH" exec node "$root/libs/kafka/src/main.ts" "$@"
