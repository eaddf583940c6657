#!/bin/sh
# start [PORT]: the server on the data in VALKEY_DATA.
#
# PASSWORD says who may enter. The server reads it with its other settings from stdin, so it stands
# on no command line and in no file.
set -eu
umask 0077

[ $$ -ne 1 ] || exec dumb-init --single-child "$0" "$@"

# shellcheck source-path=SCRIPTDIR source=service.sh
. "${SERVICE_LIBRARY:-/opt/onyxia/service.sh}"

data=${VALKEY_DATA:-/var/lib/valkey/data/valkey}

# A text, as the settings of the server have it.
text() { printf '"%s"' "$(printf %s "$1" | sed 's/[\\"]/\\&/g')"; }

# A backup that was put beside no data becomes them.
restore() {
  [ -e "$data/restore.rdb" ] || return 0
  [ ! -e "$data/appendonlydir" ] || fail "$data has data beside restore.rdb: move one of them away"
  mkdir -p "$data/new"
  echo 'file appendonly.aof.1.base.rdb seq 1 type b' > "$data/new/appendonly.aof.manifest"
  ln -f "$data/restore.rdb" "$data/new/appendonly.aof.1.base.rdb"
  mv "$data/new" "$data/appendonlydir"
  rm "$data/restore.rdb"
}

check_password
check_volume "$data"
mkdir -p "$data"
check_owner "$data"
restore

# A copy of the data is written while they change: what is kept in memory leaves room for that. A
# full server refuses to write, rather than lose keys, where VALKEY_EVICTION does not say otherwise.
exec valkey-server - << END
port ${1:-6379}
bind * -::*
dir $(text "$data")
requirepass $(text "$PASSWORD")
appendonly yes
maxmemory $(($(memory_limit) * 6 / 10))mb
maxmemory-policy ${VALKEY_EVICTION:-noeviction}
END
