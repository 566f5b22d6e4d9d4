#!/bin/sh
# The control plane with curl alone: what a client in another language has to speak. Each answer is one line of JSON on stdout.
#
#   (umask 077; agent-marketplace token create --json | sed 's/.*"token":"\([^"]*\)".*/Authorization: Bearer \1/' > header)
#   sh walk.sh http://127.0.0.1:8080 header
#
# Registering and opening a session need signatures (design/protocol/signing.md), which curl cannot make: the command line makes the token, good for an hour.
# It is read from a file, because everybody on the machine sees what a command is called with.
set -eu
server=$1
header=$2

# Ask: GET, the input as JSON in the address.
ask() { curl -sS -G "$server/trpc/$1" --data-urlencode "input=$2" -H "@$header"; echo; }
# Do: POST, the input as the body. With the same key it is done once, however often it is sent.
act() { curl -sS "$server/trpc/$1" -H 'Content-Type: application/json' -H "Idempotency-Key: $3" -H "@$header" -d "$2"; echo; }

# Anybody may ask which platform this is, and where its relay is.
curl -sS -G "$server/trpc/server.info"; echo
# Anything else needs a token: the answer is an error with a code.
curl -sS -G "$server/trpc/identity.whoami"; echo

ask identity.whoami '{}'
ask discovery.discover '{"capability":"text.extract","includeBusy":true,"limit":5}'

key=walk-$$
act tasks.createTask '{"reviewRule":"majority"}' "$key"
act tasks.createTask '{"reviewRule":"majority"}' "$key"
# The same key for something else is refused, and so is a field that the platform must not hear of.
act tasks.createTask '{"reviewRule":"unanimous"}' "$key"
act tasks.createTask '{"prompt":"the platform must not know"}' "$key-2"
ask tasks.listTasks '{"limit":1}'
