#!/bin/sh
# start [OPTION…]: the server on the data in PGDATA, which it makes where there are none.
#
# PGUSER, PGDATABASE and PASSWORD say who may enter, and where to; SUPERUSER_PASSWORD is that of
# `postgres`, who may do everything. A password is read from stdin by what takes it: it stands on no
# command line, and in no file but as PostgreSQL keeps it. EXTENSIONS are made in the database. TLS
# is always offered; TLS_REQUIRED=true refuses who does without. TLS_DIRECTORY may have a certificate.
set -eu
umask 0077

# A server that is told to end waits for its clients, who may never go; by SIGINT it ends them.
[ $$ -ne 1 ] || exec dumb-init --single-child --rewrite 15:2 "$0" "$@"

# shellcheck source-path=SCRIPTDIR source=service.sh
. "${SERVICE_LIBRARY:-/opt/onyxia/service.sh}"

PGUSER=${PGUSER:-postgres}
PGDATABASE=${PGDATABASE:-$PGUSER}
version=$(postgres -V | sed 's/[^0-9]*\([0-9]*\).*/\1/')

# A name and a text, as SQL has them.
name() { printf '"%s"' "$(printf %s "$1" | sed 's/"/""/g')"; }
text() { printf "'%s'" "$(printf %s "$1" | sed "s/'/''/g")"; }

check_secret PASSWORD "${PASSWORD:-}"
[ "${SUPERUSER_PASSWORD:-}" != "$placeholder" ] || SUPERUSER_PASSWORD=
check_secret SUPERUSER_PASSWORD "${SUPERUSER_PASSWORD:-}"
case $PGUSER in
  *[\"\$\'\\]*) fail "PGUSER has one of \" \$ ' \\ in it" ;;
  pg_*) fail "PGUSER begins with pg_, as PostgreSQL's own roles do" ;;
esac
# A superuser has one password.
[ "$PGUSER" != postgres ] || SUPERUSER_PASSWORD=${PASSWORD:-}

share=/usr/share/postgresql/$version/extension
for extension in ${EXTENSIONS:-}; do
  [ -e "$share/$extension.control" ] || fail "this image has no extension $extension for" \
    "PostgreSQL $version: leave it out, or take another version of the image"
done

# Data must be of who runs the server, and of nobody else: PostgreSQL asks both.
check_modes() {
  mkdir "$PGDATA.probe"
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

# SQL on stdin, as the superuser and without a server that somebody could reach.
single() { named postgres --single -j -D "$1" "${2:-postgres}" > /dev/null; }

# SQL that makes a role, unless there is one, and sets its password, unless it is empty.
role() {
  # shellcheck disable=SC2016 # these are signs of SQL
  printf 'DO $do$ BEGIN CREATE ROLE %s LOGIN %s; EXCEPTION WHEN duplicate_object THEN NULL; END $do$;\n\n' \
    "$(name "$1")" "$2"
  [ -z "$3" ] || printf 'ALTER ROLE %s PASSWORD %s;\n\n' "$(name "$1")" "$(text "$3")"
}

# Who may enter, by passwords that hold at every start. Of data that were made before there was
# `postgres` beside the first user, that one stays what it was.
roles() {
  role postgres 'SUPERUSER CREATEDB CREATEROLE REPLICATION BYPASSRLS' "${SUPERUSER_PASSWORD:-}"
  [ "$PGUSER" = postgres ] || role "$PGUSER" '' "${PASSWORD:-}"
}

# What is asked for in the database; what is no longer asked for stays, as data may depend on it.
# pgaudit is loaded with the server, from then on.
make_extensions() {
  case " ${EXTENSIONS:-} " in
    *' pgaudit '*)
      loaded=$(postgres -D "$PGDATA" -C shared_preload_libraries)
      case ",$loaded," in
        *pgaudit*) ;;
        *) echo "shared_preload_libraries = '${loaded:+$loaded,}pgaudit'" >> "$PGDATA/postgresql.auto.conf" ;;
      esac ;;
  esac
  for extension in ${EXTENSIONS:-}; do
    printf 'CREATE EXTENSION IF NOT EXISTS %s;\n\n' "$(name "$extension")"
  done | single "$PGDATA" "$PGDATABASE"
}

# Made beside its place: what was not finished is not taken for data.
make_data() {
  [ -n "${PASSWORD:-}" ] || fail "PASSWORD is unset, and nobody could enter"
  rm -rf "$PGDATA.new"
  # Without a password of its own nobody enters as the superuser.
  superuser=${SUPERUSER_PASSWORD:-$(head -c 32 /dev/urandom | base64)}
  printf '%s\n' "$superuser" | named initdb --pgdata="$PGDATA.new" --username=postgres \
    --pwfile=/dev/stdin --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 \
    --no-instructions
  # Without a server objects get numbers of the system's own, which pg_dump and pgAdmin leave out.
  named pg_resetwal --next-oid=16384 "$PGDATA.new" > /dev/null
  echo 'host all all all scram-sha-256' >> "$PGDATA.new/pg_hba.conf"
  {
    roles
    if [ "$PGDATABASE" = postgres ]; then
      printf 'ALTER DATABASE postgres OWNER TO %s;\n\n' "$(name "$PGUSER")"
    else
      printf 'CREATE DATABASE %s OWNER %s;\n\n' "$(name "$PGDATABASE")" "$(name "$PGUSER")"
    fi
  } | single "$PGDATA.new"
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
  roles | single "$PGDATA"
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

check_volume "$PGDATA"
check_modes
if [ -e "$PGDATA/PG_VERSION" ]; then take_data; else make_data; fi
[ -z "${EXTENSIONS:-}" ] || make_extensions
write_rules
TLS_DIRECTORY=${TLS_DIRECTORY:-/etc/postgresql/tls}
prepare_tls "$PGDATA.tls" postgresql
exec postgres -D "$PGDATA" -c listen_addresses='*' -c ssl=on -c ssl_cert_file="$tls.crt" \
  -c ssl_key_file="$tls.key" "$@"
