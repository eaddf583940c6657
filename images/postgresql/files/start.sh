#!/bin/sh
# start [OPTION…]: the server on the data in PGDATA, which it makes where there are none.
#
# PGUSER, PGDATABASE and PASSWORD say who may enter, and where to. A password is read from stdin by
# what takes it: it stands on no command line, and in no file but as PostgreSQL keeps it. TLS is
# always offered; TLS_REQUIRED=true refuses who does without. TLS_DIRECTORY may have a certificate.
set -eu
umask 0077

# A server that is told to end waits for its clients, who may never go; by SIGINT it ends them.
[ $$ -ne 1 ] || exec dumb-init --single-child --rewrite 15:2 "$0" "$@"

PGUSER=${PGUSER:-postgres}
PGDATABASE=${PGDATABASE:-$PGUSER}
version=$(postgres -V | sed 's/[^0-9]*\([0-9]*\).*/\1/')

fail() {
  echo "start: $*" >&2
  exit 1
}

# A name and a text, as SQL has them.
name() { printf '"%s"' "$(printf %s "$1" | sed 's/"/""/g')"; }
text() { printf "'%s'" "$(printf %s "$1" | sed "s/'/''/g")"; }

case ${PASSWORD:-} in
  # What a chart writes where none was given, and no cluster could keep one that is generated.
  NO-PASSWORD-WAS-GIVEN) fail "no password was given: set security.password or" \
    "security.existingSecret of the chart, or install it by helm, which keeps a generated one" ;;
  *'
'*) fail "PASSWORD has a line break in it" ;;
esac
# What PostgreSQL takes in no first user, and initdb would show with the password.
case $PGUSER in
  *[\"\$\'\\]*) fail "PGUSER has one of \" \$ ' \\ in it" ;;
esac

# Data must be of who runs the server, and of nobody else: PostgreSQL asks both.
check_volume() {
  mkdir "$PGDATA.probe" 2> /dev/null || [ -d "$PGDATA.probe" ] \
    || fail "$(dirname "$PGDATA") cannot be written by uid $(id -u): give the volume to it, or to its group"
  mode=$(stat -c %a "$PGDATA.probe")
  rmdir "$PGDATA.probe"
  case $mode in
    *700) ;;
    *) fail "the volume of $PGDATA keeps no modes (0$mode where 0700 was asked for), and PostgreSQL" \
      "refuses data that others may read: use a volume of another kind" ;;
  esac
}

# What makes data asks who runs it, and a uid that a cluster made up has no name.
named() {
  if id -un > /dev/null 2>&1; then
    "$@"
    return
  fi
  echo "postgres:x:$(id -u):$(id -g):PostgreSQL:/var/lib/postgresql:/bin/sh" > "$PGDATA.passwd"
  echo "postgres:x:$(id -g):" > "$PGDATA.group"
  LD_PRELOAD=libnss_wrapper.so NSS_WRAPPER_PASSWD="$PGDATA.passwd" \
    NSS_WRAPPER_GROUP="$PGDATA.group" "$@"
  rm "$PGDATA.passwd" "$PGDATA.group"
}

# SQL on stdin, without a server that somebody could reach.
single() { named postgres --single -j -D "$1" postgres > /dev/null; }

# Made beside its place: what was not finished is not taken for data.
make_data() {
  [ -n "${PASSWORD:-}" ] || fail "PASSWORD is unset, and nobody could enter"
  rm -rf "$PGDATA.new"
  printf '%s\n' "$PASSWORD" | named initdb --pgdata="$PGDATA.new" --username="$PGUSER" \
    --pwfile=/dev/stdin --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 \
    --no-instructions
  echo 'host all all all scram-sha-256' >> "$PGDATA.new/pg_hba.conf"
  if [ "$PGDATABASE" != postgres ]; then
    printf 'CREATE DATABASE %s;\n\n' "$(name "$PGDATABASE")" | single "$PGDATA.new"
  fi
  mv "$PGDATA.new" "$PGDATA"
}

take_data() {
  held=$(cat "$PGDATA/PG_VERSION")
  [ "$held" = "$version" ] \
    || fail "$PGDATA has data of PostgreSQL $held, and this is $version: dump and restore them"
  # A volume may be mounted with rights for its group, which the server refuses.
  chmod 0700 "$PGDATA" 2> /dev/null \
    || fail "$PGDATA belongs to uid $(stat -c %u "$PGDATA"), and this is uid $(id -u): run it as that one"
  # What a killed container left names a process of that one; here it may be anybody's.
  if read -r process 2> /dev/null < "$PGDATA/postmaster.pid" \
    && ! grep -qsx postgres "/proc/$process/comm"; then
    rm "$PGDATA/postmaster.pid"
  fi
  # What the environment says holds, also after it has changed.
  [ -z "${PASSWORD:-}" ] || printf 'ALTER ROLE %s PASSWORD %s;\n\n' \
    "$(name "$PGUSER")" "$(text "$PASSWORD")" | single "$PGDATA"
}

# The certificate that was given, else one that is made once and stays with the data. PostgreSQL
# takes no key that anybody else may read, as one of a mounted Secret is.
prepare_tls() {
  given=${TLS_DIRECTORY:-/etc/postgresql/tls}
  tls=$PGDATA.tls
  mkdir -p "$tls"
  if [ -e "$given/tls.crt" ]; then
    cat "$given/tls.crt" > "$tls/given.crt"
    cat "$given/tls.key" > "$tls/given.key"
    tls=$tls/given
    return
  fi
  tls=$tls/made
  # Also in the place of one that ends within a month.
  openssl x509 -in "$tls.crt" -noout -checkend 2592000 > /dev/null 2>&1 && [ -s "$tls.key" ] && return
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 3650 \
    -subj "/CN=postgresql" -keyout "$tls.key" -out "$tls.crt" 2> /dev/null \
    || fail "no certificate can be made in $PGDATA.tls"
}

# The first rule that fits decides: below this one, every `host` is a `hostssl`.
only_tls='hostnossl all all all reject'
write_rules() {
  rules=$PGDATA/pg_hba.conf
  {
    [ "${TLS_REQUIRED:-}" != true ] || echo "$only_tls"
    grep -vxF "$only_tls" "$rules"
  } > "$rules.new"
  mv "$rules.new" "$rules"
}

check_volume
if [ -e "$PGDATA/PG_VERSION" ]; then take_data; else make_data; fi
write_rules
prepare_tls
exec postgres -D "$PGDATA" -c listen_addresses='*' -c ssl=on -c ssl_cert_file="$tls.crt" \
  -c ssl_key_file="$tls.key" "$@"
