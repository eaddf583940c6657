#!/bin/sh
# start [PORT [TLS-PORT]]: Trino, a coordinator that is its own worker.
#
# TRINO_USER and PASSWORD say who may enter. The catalogs are those of TRINO_CATALOGS, a folder, and one
# for each service that the environment names. No file has a password: Trino takes it from the
# environment, and of the user's it is told a hash.
set -eu
umask 0077

[ $$ -ne 1 ] || exec dumb-init --single-child "$0" "$@"

# shellcheck source-path=SCRIPTDIR source=service.sh
. "${SERVICE_LIBRARY:-/opt/onyxia/service.sh}"

port=${1:-8080}
tls_port=${2:-8443}
user=${TRINO_USER:-trino}
etc=${TRINO_ETC:-/tmp/trino}

# What other services say of themselves stands in a URL, or in a line of settings: it may be no more
# than an address.
check_addresses() {
  for variable in PGHOST PGPORT MARIADB_HOST MARIADB_PORT AWS_DEFAULT_REGION AWS_S3_ENDPOINT; do
    eval "value=\${$variable:-}"
    value=${value#http://}
    case ${value#https://} in
      *[!A-Za-z0-9./:_-]* | */*?) fail "$variable is no address, port or region: it has other signs in it" ;;
    esac
  done
}

# A file of settings, whose lines are on stdin.
# settings NAME
settings() { cat > "$etc/$1.properties"; }

# A catalog, unless there is one of its name, or one of these variables is unset or empty.
# catalog NAME VARIABLE…
catalog() {
  name=$1
  shift
  for variable; do
    [ -n "$(printenv "$variable" || true)" ] || return 0
  done
  [ -e "$etc/catalog/$name.properties" ] || settings "catalog/$name"
}

# A text as a part of a URL.
quoted() { printf %s "$1" | od -An -v -tx1 | tr -d '\n' | sed 's/ /%/g'; }

catalogs() {
  mkdir "$etc/catalog"
  for file in "${TRINO_CATALOGS:-/etc/trino/catalog}"/*.properties; do
    [ ! -r "$file" ] || cat "$file" > "$etc/catalog/${file##*/}"
  done
  for name in tpch memory; do echo "connector.name=$name" | settings "catalog/$name"; done
  catalog postgresql PGHOST PGUSER PGPASSWORD << END
connector.name=postgresql
connection-url=jdbc:postgresql://${PGHOST:-}:${PGPORT:-5432}/$(quoted "${PGDATABASE:-${PGUSER:-}}")
connection-user=\${ENV:PGUSER}
connection-password=\${ENV:PGPASSWORD}
END
  catalog mariadb MARIADB_HOST MARIADB_USER MARIADB_PASSWORD << END
connector.name=mariadb
connection-url=jdbc:mariadb://${MARIADB_HOST:-}:${MARIADB_PORT:-3306}
connection-user=\${ENV:MARIADB_USER}
connection-password=\${ENV:MARIADB_PASSWORD}
END
  catalog mongodb MONGODB_URI << END
connector.name=mongodb
mongodb.connection-url=\${ENV:MONGODB_URI}
END
  catalog hive HIVE_METASTORE_URI << END
connector.name=hive
hive.metastore.uri=\${ENV:HIVE_METASTORE_URI}
hive.non-managed-table-writes-enabled=true
$(storage)
END
}

# The store of the tables of Hive: S3 where there are keys, else a folder that both can see.
storage() {
  [ -n "${AWS_ACCESS_KEY_ID:-}" ] || { printf '%s\n' fs.hadoop.enabled=true; return; }
  printf '%s\n' fs.native-s3.enabled=true s3.path-style-access=true \
    "s3.region=${AWS_DEFAULT_REGION:-us-east-1}"
  case ${AWS_S3_ENDPOINT:-} in
    '') ;;
    *://*) echo "s3.endpoint=$AWS_S3_ENDPOINT" ;;
    *) echo "s3.endpoint=https://$AWS_S3_ENDPOINT" ;;
  esac
}

check_password
check_addresses
case $user in
  *[!A-Za-z0-9@._-]* | '') fail "TRINO_USER has more in it than letters, digits, @, ., _ and -" ;;
esac
[ "$(printf %s "$PASSWORD" | wc -c)" -le 72 ] || fail "PASSWORD has more than 72 bytes"
rm -rf "$etc"
mkdir -p "$etc/data"
catalogs
prepare_tls "$etc/tls" "$(hostname)"
cat "$tls.key" "$tls.crt" > "$etc/server.pem"
# Trino takes the bytes that it is sent for letters of this alphabet.
printf '%s\n' "$PASSWORD" | iconv -f ISO-8859-1 -t UTF-8 | htpasswd -inBC 10 "$user" > "$etc/users"
TRINO_SECRET=$(head -c 32 /dev/urandom | base64)
export TRINO_SECRET

settings password-authenticator << END
password-authenticator.name=file
file.password-file=$etc/users
END
# A proxy in front says by X-Forwarded-Proto that who came did so by TLS; others are refused.
settings config << END
coordinator=true
node-scheduler.include-coordinator=true
discovery.uri=http://127.0.0.1:$port
http-server.http.port=$port
http-server.process-forwarded=true
http-server.https.enabled=true
http-server.https.port=$tls_port
http-server.https.keystore.path=$etc/server.pem
http-server.authentication.type=PASSWORD
http-server.authentication.allow-insecure-over-http=false
password-authenticator.config-files=$etc/password-authenticator.properties
internal-communication.shared-secret=\${ENV:TRINO_SECRET}
catalog.config-dir=$etc/catalog
plugin.dir=/opt/trino/plugin
node.environment=production
END
# What it does not need for its own work is for queries; a quarter is outside of the heap.
# shellcheck disable=SC2086 # JAVA_OPTIONS are several words
exec java -Xmx$(($(memory_limit) * 3 / 4))m -XX:+UseG1GC -XX:+ExitOnOutOfMemoryError -XX:-UsePerfData \
  -XX:+EnableDynamicAgentLoading -Djdk.attach.allowAttachSelf=true --enable-native-access=ALL-UNNAMED \
  --sun-misc-unsafe-memory-access=allow --add-modules=jdk.incubator.vector -Dconfig="$etc/config.properties" \
  -cp '/opt/trino/lib/*' ${JAVA_OPTIONS:-} io.trino.server.TrinoServer
