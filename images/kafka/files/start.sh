#!/bin/sh
# start [PORT]: a broker that is its own controller, on the data in KAFKA_DATA, which it makes where
# there are none.
#
# KAFKA_USER and PASSWORD say who may enter, on every port that it listens on. KAFKA_HOST is the name
# by which clients find it: they are told it by the broker, and connect to it again.
set -eu
umask 0077

[ $$ -ne 1 ] || exec dumb-init --single-child "$0" "$@"

# shellcheck source-path=SCRIPTDIR source=service.sh
. "${SERVICE_LIBRARY:-/opt/onyxia/service.sh}"
# shellcheck source-path=SCRIPTDIR source=program.sh
. "${KAFKA_LIBRARY:-/opt/kafka/program.sh}"

data=${KAFKA_DATA:-/var/lib/kafka/data/kafka}
port=${1:-9092}
controller_port=$((local_port + 1))

# The settings of the broker. `entry` says how it enters itself, and who else does.
# settings DATA
settings() {
  entry='org.apache.kafka.common.security.plain.PlainLoginModule required'
  entry="$entry username=\"\${env:KAFKA_USER}\" password=\"\${env:KAFKA_QUOTED_PASSWORD}\""
  entry="$entry user_$KAFKA_USER=\"\${env:KAFKA_QUOTED_PASSWORD}\";"
  cat << END
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller_port
listeners=CLIENT://:$port,LOCAL://127.0.0.1:$local_port,CONTROLLER://127.0.0.1:$controller_port
advertised.listeners=CLIENT://${KAFKA_HOST:-$(hostname)}:$port,LOCAL://127.0.0.1:$local_port
inter.broker.listener.name=LOCAL
controller.listener.names=CONTROLLER
listener.security.protocol.map=CLIENT:SASL_PLAINTEXT,LOCAL:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT
sasl.enabled.mechanisms=PLAIN
sasl.mechanism.inter.broker.protocol=PLAIN
sasl.mechanism.controller.protocol=PLAIN
listener.name.client.plain.sasl.jaas.config=$entry
listener.name.local.plain.sasl.jaas.config=$entry
listener.name.controller.plain.sasl.jaas.config=$entry
config.providers=env
config.providers.env.class=org.apache.kafka.common.config.provider.EnvVarConfigProvider
log.dirs=$1
log.retention.hours=${KAFKA_RETENTION_HOURS:-168}
# One broker keeps one copy.
default.replication.factor=1
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
END
}

# Made beside its place: what was not finished is not taken for data.
make_data() {
  rm -rf "$data.new"
  settings "$data.new" > "$data.properties"
  # An id of Kafka's: 16 bytes, of which the text does not begin with a dash.
  id=$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | sed 's/=*$//; s/^-/A/')
  (program WARN -Xmx128m -XX:+UseSerialGC kafka.tools.StorageTool format \
    --cluster-id "$id" --config "$data.properties" > "$data.log" 2>&1) \
    || fail "no data can be made in $data: $(cat "$data.log")"
  rm "$data.log"
  mv "$data.new" "$data"
}

check_password
case $KAFKA_USER in
  *[!A-Za-z0-9_-]* | [!A-Za-z]*) fail "KAFKA_USER has more in it than letters, digits, _ and -" ;;
esac
case $port in
  "$local_port" | "$controller_port") fail "port $port is the broker's own: choose another" ;;
esac
check_volume "$data"
if [ -e "$data/meta.properties" ]; then check_owner "$data"; else make_data; fi
settings "$data" > "$data.properties"

# The other half is for the files, which the system keeps in memory. More than 6 GiB are of no use.
heap=$(($(memory_limit) / 2))
[ "$heap" -le 6144 ] || heap=6144
program INFO -Xmx"${heap}m" -XX:+UseG1GC -XX:+ExitOnOutOfMemoryError kafka.Kafka "$data.properties"
