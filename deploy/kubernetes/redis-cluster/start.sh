#!/bin/sh
# Start one node of the cluster under its own name, with the password by which nodes know each other.
#
# Nodes find each other by address and tell clients names. An address that changes is told by its owner as long as
# it reaches anybody; when all start anew at new addresses, nobody does. So a node that misses others looks them up.
#
#   PEERS          the names of all nodes         HOSTNAME_OF_NODE   the one of this
#   PASSWORD_FILE  of the user "cluster"          MAXMEMORY          as in redis.conf
set -eu
umask 077
REDISCLI_AUTH=$(cat -- "$PASSWORD_FILE")
export REDISCLI_AUTH
LOOK_EVERY=15 # seconds

{
  echo 'include /etc/redis/redis.conf'
  echo "maxmemory $MAXMEMORY"
  echo "cluster-announce-hostname $HOSTNAME_OF_NODE"
  echo 'masteruser cluster'
  echo "masterauth $REDISCLI_AUTH"
} >/tmp/redis.conf

ask() { redis-cli --user cluster --no-auth-warning "$@" 2>/dev/null; }

look_for_others() {
  while sleep "$LOOK_EVERY"; do
    ask cluster nodes | grep -v myself | grep -q fail || continue
    for peer in $PEERS; do
      address=$(getent ahostsv4 "$peer" | sed -n '1s/ .*//p')
      [ -z "$address" ] || ask cluster meet "$address" 6379 >/dev/null || true
    done
  done
}

look_for_others &
exec redis-server /tmp/redis.conf
