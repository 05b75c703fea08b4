#!/bin/sh
# Make the secrets of a deployment: those that are missing, and what follows from them.
#
#   sh deploy/secrets.sh [FOLDER]        (./secrets unless told otherwise)
#
# Can be run at any time, also twice at once: a secret that is there stays as it is. It says what it made by
# name; no secret is ever printed, or an argument of a command, where every user of the machine could read it.
# The folder is for its owner alone; the files in it are readable, because in the containers other users read
# them. Needs a POSIX shell and the usual small tools (coreutils or busybox), nothing else.
#
#   to fill in           install -m 0444 /dev/stdin secrets/smtp      (type or paste it, then Ctrl-D)
#   to get a new one     rm secrets/redis_ingest && sh deploy/secrets.sh
#   to let it be used    docker compose up -d --force-recreate        (containers keep the files they began with)
set -eu
umask 077
LC_ALL=C
export LC_ALL

USERS='ingest evaluator notifier reporter history exporter operator'  # of Redis; passwords in redis_<user>
OTHERS='grafana_admin link_key pseudonym_key'        # sign links to acknowledge a breach; hide who called
FILL_IN='api_keys smtp grafana_token'                # may stay empty: then the feature is off
LONG=64                                              # characters of a random one: 256 bits
SHORTEST=32                                          # of one of your own, where it could be guessed in peace
SHORTEST_TYPED=12                                    # of one that people type, where guessing takes time

template=$(dirname -- "$0")/redis/users.acl.template
folder=${1:-secrets}
new=
trap 'rm -f -- ${new:+"$new"}' EXIT
trap 'exit 130' HUP INT TERM

main() {
  [ $# -le 1 ] || fail "usage: sh $0 [FOLDER]"
  [ -r "$template" ] || fail "$template cannot be read"
  make_folder
  for user in $USERS; do keep_or_make "redis_$user" random; done
  for name in $OTHERS; do keep_or_make "$name" random; done
  for name in $FILL_IN; do keep_or_make "$name" nothing; done
  for user in $USERS; do check_password "redis_$user"; done
  check_length link_key "$SHORTEST"
  check_length pseudonym_key "$SHORTEST"
  check_length grafana_admin "$SHORTEST_TYPED" # Grafana would take "admin" instead of an empty one
  derive users.acl users_acl
  derive redis_exporter.json exporter_json
}

fail() {
  printf '%s\n' "$*" >&2
  exit 1
}

make_folder() {
  if [ ! -d "$folder" ]; then
    mkdir -p -- "$folder"
    echo "$folder: made"
  fi
  case $(ls -ld -- "$folder/.") in
    drwx--[-S]---*) ;;
    *) chmod 0700 -- "$folder" && echo "$folder: was open to others, closed" ;;
  esac
}

# keep_or_make NAME CONTENT: CONTENT is a function that writes the secret to its stdout.
keep_or_make() {
  file=$folder/$1
  if [ ! -e "$file" ]; then
    fill_new "$2"
    [ "$2" != random ] || [ "$(wc -c <"$new")" -eq "$LONG" ] || fail "/dev/urandom gave too little"
    # A link is made only if there is nothing yet, whoever else is at it: the first one wins.
    if ln -- "$new" "$file" 2>/dev/null; then
      echo "$file: made"
    elif [ ! -e "$file" ]; then
      fail "$file cannot be made: does this file system know hard links?"
    fi
    rm -f -- "$new"
  fi
  [ -f "$file" ] || fail "$file is no file (Docker puts a folder where one is missing): remove it"
  make_readable "$file"
}

# derive NAME CONTENT: like that, but made anew whenever it would come out differently.
derive() {
  file=$folder/$1
  [ ! -d "$file" ] || fail "$file is no file (Docker puts a folder where one is missing): remove it"
  fill_new "$2"
  if [ -e "$file" ] && [ "$(sha256sum <"$new")" = "$(sha256sum <"$file")" ]; then
    rm -f -- "$new"
    make_readable "$file"
  else
    mv -f -- "$new" "$file"
    echo "$file: made from the others"
  fi
  new=
}

fill_new() {
  new=$(mktemp "$folder/.new.XXXXXX")
  "$1" >"$new"
  chmod 0444 -- "$new"
}

make_readable() {
  case $(ls -ld -- "$1") in
    -r--r--r--*) ;;
    *) chmod 0444 -- "$1" ;;
  esac
}

random() { od -An -v -N32 -tx1 /dev/urandom | tr -d ' \n'; }

nothing() { :; }

# Of the first line's content, without its end: an editor adds one, and every reader of ours drops it.
hash_of() { tr -d '\n' <"$1" | sha256sum | cut -c1-64; }

# It goes into JSON and perhaps into a URL, and its hash can be read by whoever reads users.acl.
check_password() {
  [ "$(tr -d 'A-Za-z0-9_.~\n-' <"$folder/$1" | wc -c)" -eq 0 ] ||
    fail "$folder/$1: a password here is made of letters, digits and - _ . ~"
  check_length "$1" "$SHORTEST"
}

check_length() {
  [ "$(tr -d '\n' <"$folder/$1" | wc -c)" -ge "$2" ] || fail "$folder/$1: shorter than $2 characters"
}

# The template with one line per user, as Redis wants it: no comments, nothing continued, hashes filled in.
users_acl() {
  rules=
  while read -r line || [ -n "$line" ]; do
    case $line in
      '' | '#'*) ;;
      'user '*)
        end_of_user
        rules=$line
        ;;
      *) rules="$rules $line" ;;
    esac
  done <"$template"
  end_of_user
}

end_of_user() {
  case $rules in
    '') return ;;
    *'#@'*'_SHA256@'*)
      name=${rules#*'#@'}
      name=redis_$(printf %s "${name%%_SHA256@*}" | tr '[:upper:]' '[:lower:]')
      [ -s "$folder/$name" ] || fail "$template: there is no password $name"
      rules="${rules%%'#@'*}#$(hash_of "$folder/$name")${rules#*_SHA256@}"
      ;;
  esac
  printf '%s\n' "$rules"
}

# What redis_exporter reads: passwords by address and user.
exporter_json() {
  printf '{"redis://exporter@redis:6379": "'
  tr -d '\n' <"$folder/redis_exporter"
  printf '"}\n'
}

main "$@"
