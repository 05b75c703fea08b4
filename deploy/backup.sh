#!/bin/sh
# Copy everything that Wachtpost remembers (Redis: facts, days, breaches, outbox, delivery log) into one file.
#
#   sh deploy/backup.sh [FOLDER]         (./backups unless told otherwise)
#
# Nothing stops for it. Redis writes a snapshot of one instant (BGSAVE), which is always consistent: an offset and
# what was counted up to it change in one step. One file, with a checksum inside, that is checked here and can be
# checked anywhere (redis-check-rdb) and that deploy/restore.sh reads. Why not a copy of the volume: the
# append-only files change while they are copied. Why not `redis-cli --rdb`: it needs the rights of a replica.
#
# Not in it: the city file, .env and the folder `secrets` (keep those where you keep such things), and what
# Prometheus and Grafana have (boards' history, annotations, Grafana's users): no figure rests on them.
#
# Keys are counted without the leases, which run out by themselves.
#
# The file holds no phone numbers and no names, but it is the city's: only its owner may read it.
set -eu
umask 077

fail() {
  printf '%s\n' "$*" >&2
  exit 1
}

[ $# -le 1 ] || fail "usage: sh $0 [FOLDER]"
mkdir -p -- "${1:-backups}"
folder=$(cd -- "${1:-backups}" && pwd)
cd -- "$(dirname -- "$0")/.."

# The password stays where it is: in the container it comes from its file into redis-cli's environment.
# shellcheck disable=SC2016  # to be expanded in the container
SNAPSHOT='
  set -eu
  REDISCLI_AUTH=$(cat /run/secrets/redis_operator)
  export REDISCLI_AUTH
  ask() { redis-cli --user operator -e "$@"; }
  now_it_is() { [ "$(ask info persistence | tr -d "\r" | sed -n "s/^$1://p")" = "$2" ]; }
  tries=60  # while the append-only file is rewritten there is no snapshot
  until said=$(ask bgsave 2>&1); do
    tries=$((tries - 1))
    [ $tries -gt 0 ] || { echo "Redis makes no snapshot: $said" >&2; exit 1; }
    sleep 1
  done
  while now_it_is rdb_bgsave_in_progress 1; do sleep 1; done
  now_it_is rdb_last_bgsave_status ok || { echo "the snapshot failed, see the log of Redis" >&2; exit 1; }
  found=$(redis-check-rdb /data/dump.rdb) || { echo "$found" >&2; exit 1; }
  number() { echo "$found" | sed -n "s/.* \([0-9][0-9]*\) $1.*/\1/p" | head -n 1; }
  echo $(($(number "keys read") - $(number expires)))
  sha256sum </data/dump.rdb | cut -d " " -f 1
'
made=$(docker compose exec -T redis sh -c "$SNAPSHOT") || fail "no backup was made"
keys=$(printf '%s\n' "$made" | sed -n 1p)
sum=$(printf '%s\n' "$made" | sed -n 2p)

file=$folder/wachtpost-$(date -u +%Y-%m-%dT%H%M%SZ).rdb
trap 'rm -f -- "$file.part"' EXIT
trap 'exit 130' HUP INT TERM
docker compose exec -T redis cat /data/dump.rdb >"$file.part"
[ "$(sha256sum <"$file.part" | cut -d ' ' -f 1)" = "$sum" ] || fail "what arrived is not what Redis wrote; try again"
mv -- "$file.part" "$file"
docker compose exec -T redis rm -f /data/dump.rdb
echo "$file: $keys keys, $(wc -c <"$file" | tr -d ' ') bytes"
