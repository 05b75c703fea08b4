#!/bin/sh
# Make what a deployment lacks: secrets, and in the city's folder the receivers of the pipeline's alarms and the boards.
#
#   sh deploy/prepare.sh
#
# The city's folder is WACHTPOST_CITY_DIR, from the environment or .env, else ./city. Can be run at any time: what is
# there stays as it is. Git knows nothing of what it makes, so that a new release never meets a change of yours.
# `make up` runs it. Needs a POSIX shell and the usual small tools, nothing else.
set -eu
cd -- "$(dirname -- "$0")/.."

fail() {
  printf '%s\n' "$@" >&2
  exit 1
}

# A setting as docker compose reads it: from the environment, else the last one of .env, quoted or not.
setting() {
  eval "value=\${$1-}"
  if [ -z "$value" ] && [ -f .env ]; then
    value=$(sed -n "s/^[[:space:]]*$1=//p" .env | tail -n 1 | sed "s/^\"\(.*\)\"\$/\1/; s/^'\(.*\)'\$/\1/")
  fi
  printf '%s\n' "${value:-$2}"
}

folder=$(setting WACHTPOST_CITY_DIR ./city)

if [ ! -f "$folder/city.toml" ]; then
  [ ! -f "$folder/wachtpost.toml" ] ||
    fail "$folder/wachtpost.toml is now called city.toml: mv $folder/wachtpost.toml $folder/city.toml"
  fail "There is no $folder/city.toml yet. One of your own, from the logs of your exchange or from nothing:" \
    '  make install && .venv/bin/wachtpost init /var/log/asterisk/queue_log*' \
    "or, to look around, Lier's: cp -r examples/lier $folder"
fi

# In the containers other users read it.
unreadable=$(find -H "$folder" "$folder/city.toml" -prune ! -perm -004)
[ -z "$unreadable" ] || fail "The services may not read $folder: chmod -R a+rX $folder"

if [ ! -e "$folder/alertmanager.yml" ]; then
  cp deploy/alertmanager/alertmanager.yml "$folder/alertmanager.yml"
  chmod a+r "$folder/alertmanager.yml"
  echo "$folder/alertmanager.yml: say there who hears of alarms of Wachtpost itself; until then nobody does"
fi
# Those of the example; `make up` makes them anew, as the city file has them.
if [ ! -e "$folder/boards" ]; then
  cp -R deploy/grafana/boards "$folder/boards"
  chmod -R a+rX "$folder/boards"
fi

sh deploy/secrets.sh "$(setting WACHTPOST_SECRETS_DIR ./secrets)"
