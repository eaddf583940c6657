# shellcheck shell=sh disable=SC2034 # what it sets is for the script that sources it
# What the broker and its tools share. A script sources it.

export KAFKA_USER="${KAFKA_USER:-kafka}"
# Where the broker speaks to itself, and the tools to it. The controller has the next port.
local_port=${KAFKA_LOCAL_PORT:-19092}

# The password as a quoted text of JAAS has it. Settings name this variable, so that it stands in no
# file and on no command line. A dollar is \044: settings may be read twice, and would take `${env:…}`
# of the password for a variable.
KAFKA_QUOTED_PASSWORD=$(printf %s "${PASSWORD:-}" | sed 's/[\\"]/\\&/g; s/\$/\\044/g')
export KAFKA_QUOTED_PASSWORD

# Becomes a program of Kafka.
# program LEVEL [OPTION OF JAVA…] CLASS [WORD…]
program() {
  level=$1
  shift
  # shellcheck disable=SC2086 # JAVA_OPTIONS are several words
  exec java -cp '/opt/kafka/jars/*' -XX:-UsePerfData -Djava.awt.headless=true \
    -Dlog4j2.configurationFile=/opt/kafka/log4j2.properties -Dkafka.log.level="$level" \
    ${JAVA_OPTIONS:-} "$@"
}
