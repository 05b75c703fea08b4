#!/bin/sh
# Put back what deploy/backup.sh made, and start on it.
#
#   sh deploy/restore.sh FILE [--force]
#
# Checks the file first. Refuses while Redis' volume holds anything, unless told --force: then the services stop,
# what was there is kept in the volume as before-restore (the one before that goes), and they start again.
# Without anything running only Redis is started: `make up` does the rest.
#
# What happened after the backup comes back from where it is still known: ingest reads a queue_log again from the
# line where the backup stood; senders that keep their events may send them again, none counts twice.
set -eu

fail() {
  printf '%s\n' "$*" >&2
  exit 1
}

force=no from=
for argument; do
  case $argument in
    --force) force=yes ;;
    -*) fail "usage: sh $0 FILE [--force]" ;;
    *) [ -z "$from" ] || fail "usage: sh $0 FILE [--force]"; from=$argument ;;
  esac
done
[ -n "$from" ] || fail "usage: sh $0 FILE [--force]"
{ [ -f "$from" ] && [ -r "$from" ]; } || fail "$from cannot be read"
from=$(cd -- "$(dirname -- "$from")" && pwd)/$(basename -- "$from")
cd -- "$(dirname -- "$0")/.."

compose() { docker compose --profile ha "$@"; }
# A container beside Redis, with its user, its volume and its limits, that runs a script of ours.
in_volume() { compose run --rm --no-deps -T --entrypoint sh redis -eu -c "cd /data; $1"; }

held=$(in_volume 'ls -A | grep -vx restore.part | xargs' </dev/null)
[ -z "$held" ] || [ "$force" = yes ] ||
  fail "Redis' volume is not empty ($held): --force puts the backup in its place"

# shellcheck disable=SC2016  # to be expanded in the container
keys=$(in_volume '
  cat >restore.part
  found=$(redis-check-rdb restore.part) || { echo "$found" >&2; rm -f restore.part; exit 1; }
  number() { echo "$found" | sed -n "s/.* \([0-9][0-9]*\) $1.*/\1/p" | head -n 1; }
  echo $(($(number "keys read") - $(number expires)))
' <"$from") || fail "$from is no backup, or damaged; nothing was changed"

running=$(compose ps --services --status running)
# shellcheck disable=SC2086  # names of services, one word each
[ -z "$running" ] || compose stop ingest evaluator evaluator-standby notifier notifier-standby redis

# A snapshot is what an append-only file begins with: as such Redis reads it, and goes on writing behind it.
# shellcheck disable=SC2016
in_volume '
  rm -rf before-restore
  mkdir before-restore
  for old in appendonlydir dump.rdb; do [ ! -e "$old" ] || mv "$old" before-restore/; done
  rmdir before-restore 2>/dev/null || true
  mkdir appendonlydir
  mv restore.part appendonlydir/appendonly.aof.1.base.rdb
  echo "file appendonly.aof.1.base.rdb seq 1 type b" >appendonlydir/appendonly.aof.manifest
  sync
' </dev/null

compose up -d --wait redis
# shellcheck disable=SC2016
compose exec -T redis sh -eu -c '
  REDISCLI_AUTH=$(cat /run/secrets/redis_operator)
  export REDISCLI_AUTH
  ask() { redis-cli --user operator -e "$@"; }
  # Both without what runs out by itself: leases, and the names of writes that are done.
  lasting() { tr -d "\r" | sed -n "s/^db0:keys=\([0-9]*\),expires=\([0-9]*\).*/\1 - \2/p"; }
  echo "in the backup: $1 keys; in Redis now: $(($(ask info keyspace | lasting) + 0))"
  ask --scan --pattern "{p*}:events" | sort | while read -r stream; do
    echo "$stream: $(ask xlen "$stream" </dev/null) facts"
  done
' sh "$keys"

# shellcheck disable=SC2086
[ -z "$running" ] || compose up -d --wait $running
