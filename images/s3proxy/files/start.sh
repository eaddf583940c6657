#!/bin/sh
# start [PORT]: a store that speaks S3, whose buckets are the folders of S3_DATA.
#
# S3_ACCESS_KEY and PASSWORD, its secret key, hold at every start. They are on no command line and in no
# file: the store reads its settings from stdin.
set -eu
umask 0077

[ $$ -ne 1 ] || exec dumb-init --single-child "$0" "$@"

# shellcheck source-path=SCRIPTDIR source=service.sh
. "${SERVICE_LIBRARY:-/opt/onyxia/service.sh}"

data=${S3_DATA:-/var/lib/s3proxy/data/buckets}
port=${1:-9000}

# A text as settings of Java have it: each of its signs by its number.
text() { printf %s "$1" | iconv --from-code=UTF-8 --to-code=UTF-16BE | od -An -v -tx1 | tr -d ' \n' | sed 's/..../\\u&/g'; }

check_password
check_volume "$data"
mkdir -p "$data"
check_owner "$data"
case ${S3_BUCKET:-} in
  '') ;;
  *[!a-z0-9.-]* | [!a-z0-9]*) fail "S3_BUCKET is '$S3_BUCKET': a bucket has small letters, digits, . and -" ;;
  *) mkdir -p "$data/$S3_BUCKET" ;;
esac

# shellcheck disable=SC2086 # JAVA_OPTIONS are several words
exec java -Xmx$(($(memory_limit) / 2))m -XX:+ExitOnOutOfMemoryError -XX:-UsePerfData \
  -Dlogback.configurationFile=/opt/s3proxy/logback.xml -cp '/opt/s3proxy/jars/*' ${JAVA_OPTIONS:-} \
  org.gaul.s3proxy.Main --properties /dev/stdin << END
s3proxy.endpoint=http://0.0.0.0:$port
s3proxy.authorization=aws-v2-or-v4
s3proxy.identity=$(text "${S3_ACCESS_KEY:-admin}")
s3proxy.credential=$(text "$PASSWORD")
jclouds.provider=filesystem-nio2
jclouds.identity=none
jclouds.credential=none
jclouds.filesystem.basedir=$(text "$data")
END
