#!/bin/sh
# A tool of Kafka: kafka-topics, kafka-console-producer, … are links to it.
#
# Where its words do not say otherwise, it asks the broker of the same container, or that at
# KAFKA_BOOTSTRAP_SERVERS, and enters as KAFKA_USER by PASSWORD.
set -eu

# shellcheck source-path=SCRIPTDIR source=program.sh
. /opt/kafka/program.sh

case ${0##*/} in
  kafka-configs) class=ConfigCommand ;;
  kafka-console-consumer) class=consumer.ConsoleConsumer ;;
  kafka-console-producer) class=ConsoleProducer ;;
  kafka-consumer-groups) class=consumer.group.ConsumerGroupCommand ;;
  kafka-features) class=FeatureCommand ;;
  kafka-get-offsets) class=GetOffsetShell ;;
  kafka-topics) class=TopicCommand ;;
  *)
    echo "${0##*/}: no tool has this name" >&2
    exit 2
    ;;
esac
case " $*" in
  *" --command-config"*) ;;
  *) set -- --command-config /opt/kafka/client.properties "$@" ;;
esac
case " $*" in
  *" --bootstrap-"*) ;;
  *) set -- --bootstrap-server "${KAFKA_BOOTSTRAP_SERVERS:-127.0.0.1:$local_port}" "$@" ;;
esac
program WARN -Xmx128m -XX:+UseSerialGC "org.apache.kafka.tools.$class" "$@"
