#!/bin/sh
# Make one cluster of nodes that know nothing of each other yet; for a cluster that is there it does nothing.
#
#   SHARDS       "master:port,replica:port master:port,replica:port ...", at least three
#   PASSWORD_FILE  of the user "cluster"
#
# Not `redis-cli --cluster create --cluster-replicas 1`: that looks at addresses only, and would be as glad to put a
# replica on the machine of its master. Which two belong together is said here, and the manifests keep them apart.
set -eu
REDISCLI_AUTH=$(cat -- "$PASSWORD_FILE")
export REDISCLI_AUTH

main() {
  masters=
  for shard in $SHARDS; do
    until_it_answers "${shard%,*}"
    until_it_answers "${shard#*,}"
    masters="$masters $(address "${shard%,*}")"
  done
  first=${masters#' '}
  first=${first%%' '*}
  if [ "$(told "$first" cluster_slots_assigned)" -eq 0 ]; then
    # shellcheck disable=SC2086  # as many words as masters
    redis-cli --user cluster --no-auth-warning --cluster create $masters --cluster-yes
  fi
  for shard in $SHARDS; do
    follow "$(address "${shard#*,}")" "$(address "${shard%,*}")"
  done
  until [ "$(told "$first" cluster_state)" = ok ]; do sleep 1; done
  ask "$first" cluster nodes
}

ask() {
  at=$1
  shift
  redis-cli --user cluster --no-auth-warning -h "${at%:*}" -p "${at##*:}" "$@" | tr -d '\r'
}

told() { ask "$1" cluster info | sed -n "s/^$2://p"; }

until_it_answers() {
  until [ "$(ask "$1" ping 2>&1)" = PONG ]; do
    echo "waiting for $1"
    sleep 1
  done
}

# CLUSTER MEET takes addresses, no names.
address() { printf '%s:%s' "$(getent ahostsv4 "${1%:*}" | sed -n '1s/ .*//p')" "${1##*:}"; }

# follow REPLICA MASTER
follow() {
  if [ "$(told "$1" cluster_known_nodes)" -gt 1 ]; then return; fi
  id=$(ask "$2" cluster myid)
  ask "$1" cluster meet "${2%:*}" "${2##*:}" "$(bus_port "$2")" >/dev/null
  until [ "$(ask "$1" cluster replicate "$id" 2>&1)" = OK ]; do sleep 1; done # until it has heard of its master
}

# As in "<id> 10.0.0.1:6379@16379 myself,master ...".
bus_port() { ask "$1" cluster nodes | sed -n '/myself/s/^[^@]*@\([0-9]*\).*/\1/p'; }

main
