#!/bin/sh
# start [PORT]: the metastore, in the PostgreSQL at PGHOST, or where that is unset in a database of its
# own on the volume (Derby). It makes the tables that are not there.
#
# Nobody is asked for a password. The one of the database is on no command line and in no file: Java
# takes it from the environment.
set -eu
umask 0077

# shellcheck source-path=SCRIPTDIR source=service.sh
. "${SERVICE_LIBRARY:-/opt/onyxia/service.sh}"

port=${1:-9083}
work=${WORKSPACE_DIR:-$PWD}

# A name as a part of a URL.
quoted() { python3 -c 'import sys, urllib.parse; print(urllib.parse.quote(sys.argv[1], safe=""))' "$1"; }

if [ -n "${PGHOST:-}" ]; then
  [ -n "${PGPASSWORD:-}" ] || fail "PGPASSWORD is unset: it is the password of the database at $PGHOST"
  # shellcheck disable=SC2016 # Java reads it so
  case ${PGUSER:-}$PGPASSWORD in
    *'${'*) fail 'PGUSER or PGPASSWORD has ${ in it, which Java would take for a variable' ;;
  esac
  # They stand in a URL, where more would be options of the driver.
  case $PGHOST${PGPORT:-} in
    *[!A-Za-z0-9.:_-]*) fail "PGHOST or PGPORT is no address or port: it has other signs in it" ;;
  esac
  PGUSER=${PGUSER:-postgres}
  driver=org.postgresql.Driver
  url=jdbc:postgresql://$PGHOST:${PGPORT:-5432}/$(quoted "${PGDATABASE:-$PGUSER}")
else
  PGUSER=metastore PGPASSWORD=metastore
  driver=org.apache.derby.jdbc.EmbeddedDriver
  url="jdbc:derby:;databaseName=$work/metastore_db;create=true"
  check_volume "$work/metastore_db"
fi
export PGUSER PGPASSWORD

# Hadoop asks who this is, and a uid that a cluster made up has no name.
if ! id -un > /dev/null 2>&1; then
  names=$(mktemp -d)
  echo "hive:x:$(id -u):$(id -g):Hive:$work:/bin/sh" > "$names/passwd"
  echo "hive:x:$(id -g):" > "$names/group"
  export LD_PRELOAD=libnss_wrapper.so NSS_WRAPPER_PASSWD="$names/passwd" NSS_WRAPPER_GROUP="$names/group"
fi

# Six tenths of the memory are its heap.
# shellcheck disable=SC2016,SC2086 # Java reads ${env.…}; JAVA_OPTIONS are several words
exec java -Xmx$(($(memory_limit) * 6 / 10))m -XX:-UsePerfData -XX:+ExitOnOutOfMemoryError \
  -Dderby.stream.error.file=/dev/stderr \
  -cp "${HADOOP_CONF_DIR:-/opt/hive}:/opt/hive/jars/*:/opt/spark/jars/*" ${JAVA_OPTIONS:-} \
  org.apache.hadoop.hive.metastore.HiveMetaStore -p "$port" \
  --hiveconf hive.log4j.file=/opt/hive/log4j2.properties \
  --hiveconf hive.async.log.enabled=false \
  --hiveconf "hive.metastore.warehouse.dir=${HIVE_WAREHOUSE:-$work/warehouse}" \
  --hiveconf "javax.jdo.option.ConnectionURL=$url" \
  --hiveconf "javax.jdo.option.ConnectionDriverName=$driver" \
  --hiveconf 'javax.jdo.option.ConnectionUserName=${env.PGUSER}' \
  --hiveconf 'javax.jdo.option.ConnectionPassword=${env.PGPASSWORD}' \
  --hiveconf hive.metastore.schema.verification=false \
  --hiveconf datanucleus.connectionPoolingType=HikariCP \
  --hiveconf datanucleus.schema.autoCreateAll=true
