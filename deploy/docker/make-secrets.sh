#!/bin/sh
# Makes the secrets that compose.yaml reads, once. They never enter an image, a variable or a log.
set -eu
cd "$(dirname "$0")"
mkdir -p secrets
chmod 700 secrets  # nobody else reaches the files; the files are readable so that the image's own user can read them

random() { head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n'; }
once() { [ -s "secrets/$1" ] || { printf '%s' "$2" > "secrets/$1"; chmod 644 "secrets/$1"; echo "made secrets/$1"; }; }

once postgres_password "$(random)"
once redis_password "$(random)"
once source_token "$(random)"
once grafana_password "$(random)"
once database_url "postgresql://yuqing:$(cat secrets/postgres_password)@postgres:5432/yuqing"
once redis_url "redis://:$(cat secrets/redis_password)@redis:6379/0"
# Standard Webhooks: the receiver verifies with the same secret.
once webhook_secret "whsec_$(head -c 24 /dev/urandom | base64)"
