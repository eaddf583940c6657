#!/bin/sh
# start [OPTION…]: the server on the data in MARIADB_DATA, which it makes where there are none.
#
# MARIADB_USER, MARIADB_DATABASE and PASSWORD say who may enter, and where to. They hold at every
# start. The server reads them as SQL from its stdin before it takes a connection, so the password
# stands on no command line, and in no file but as MariaDB keeps it.
set -eu
umask 0077

[ $$ -ne 1 ] || exec dumb-init --single-child "$0" "$@"

# shellcheck source-path=SCRIPTDIR source=service.sh
. "${SERVICE_LIBRARY:-/opt/onyxia/service.sh}"

data=${MARIADB_DATA:-/var/lib/mariadb/data/mariadb}
user=${MARIADB_USER:-mariadb}
database=${MARIADB_DATABASE:-defaultdb}

# A name and a text, as SQL has them.
# shellcheck disable=SC2016 # these are its signs
name() { printf '`%s`' "$(printf %s "$1" | sed 's/`/``/g')"; }
text() { printf "'%s'" "$(printf %s "$1" | sed "s/\\\\/\\\\\\\\/g; s/'/''/g")"; }

check_names() {
  case $user$database in
    *'
'*) fail "MARIADB_USER or MARIADB_DATABASE has a line break in it" ;;
  esac
  case $user in
    root | mariadb.sys | '') fail "MARIADB_USER is '$user', which the server has for itself" ;;
  esac
}

# Made beside its place: what was not finished is not taken for data.
make_data() {
  rm -rf "$data.new"
  mariadb-install-db --no-defaults --datadir="$data.new" --skip-test-db --skip-name-resolve \
    --auth-root-authentication-method=normal > "$data.log" 2>&1 \
    || { cat "$data.log" >&2; fail "no data can be made in $data"; }
  mv "$data.new" "$data"
  rm "$data.log"
}

# The release line of data and of the server, e.g. 11.8.
held() { sed 's/^\([0-9]*\.[0-9]*\).*/\1/' "$data/mariadb_upgrade_info" "$data/mysql_upgrade_info" 2> /dev/null | head -n 1; }
own() { mariadbd --no-defaults --version | sed 's/.*Ver \([0-9]*\.[0-9]*\).*/\1/'; }

take_data() {
  check_owner "$data"
  held=$(held)
  own=$(own)
  [ "$held" != "$own" ] && [ -n "$held" ] || return 0
  [ "$(printf '%s\n' "$held" "$own" | sort -V | tail -n 1)" = "$own" ] \
    || fail "$data has data of MariaDB $held, and this is $own: dump and restore them"
  upgrade_data
}

# Tables of an older line get the form of this one, by a server that nobody else can reach.
upgrade_data() {
  echo "start: data of MariaDB $held become those of $own" >&2
  socket=$data.upgrade
  mariadbd --no-defaults --datadir="$data" --skip-networking --skip-grant-tables --socket="$socket" \
    --pid-file="$data.pid" &
  server=$!
  until mariadb-admin --no-defaults --socket="$socket" ping > /dev/null 2>&1; do
    kill -0 "$server" 2> /dev/null || fail "the server does not start on data of MariaDB $held"
    sleep 0.2
  done
  mariadb-upgrade --no-defaults --socket="$socket" --silent \
    || fail "data of MariaDB $held cannot be taken over: see the lines above"
  kill "$server"
  wait "$server" || true
}

# Who may enter. The superuser has the same password, as clients of the official chart expect.
accounts() {
  secret=$(text "$PASSWORD")
  user=$(text "$user")@\'%\'
  printf 'CREATE DATABASE IF NOT EXISTS %s CHARACTER SET utf8mb4;\n' "$(name "$database")"
  for account in "'root'@'localhost'" "'root'@'%'" "$user"; do
    printf 'CREATE USER IF NOT EXISTS %s IDENTIFIED BY %s;\n' "$account" "$secret"
    printf 'ALTER USER %s IDENTIFIED BY %s REQUIRE %s;\n' "$account" "$secret" "$required"
  done
  printf "GRANT ALL PRIVILEGES ON *.* TO 'root'@'%%' WITH GRANT OPTION;\n"
  # Whoever made the data left accounts without a password, under the names of that machine.
  printf "DELETE FROM mysql.global_priv WHERE (user = '' OR user = 'root' AND host NOT IN ('localhost', '%%'))"
  printf " AND ifnull(json_value(priv, '$.authentication_string'), '') = '';\nFLUSH PRIVILEGES;\n"
  # In the name of a database _ and % stand for others.
  granted=$(name "$(printf %s "$database" | sed 's/[\_%]/\\&/g')")
  printf 'GRANT ALL PRIVILEGES ON %s.* TO %s;\n' "$granted" "$user"
}

check_password
check_names
check_volume "$data"
if [ -d "$data/mysql" ]; then take_data; else make_data; fi
prepare_tls "$data.tls" mariadb
required=NONE
[ "${TLS_REQUIRED:-}" != true ] || required=SSL

# Half of the memory is for pages of tables; the rest is for connections and sorting.
exec mariadbd --no-defaults --datadir="$data" --socket=/run/mysqld/mysqld.sock \
  --pid-file="$data.pid" --bind-address='*' --skip-name-resolve --character-set-server=utf8mb4 \
  --innodb-buffer-pool-size="$(($(memory_limit) / 2))M" --ssl-cert="$tls.crt" --ssl-key="$tls.key" \
  --init-file=/dev/stdin "$@" << END
$(accounts)
END
