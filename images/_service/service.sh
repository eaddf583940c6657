# shellcheck shell=sh disable=SC2034 # what it sets is for the script that sources it
# What the start scripts of services share. A script sources it, and names itself `start`.
# A recipe has a link to it: files/service.sh. Images keep it as /opt/onyxia/service.sh.

fail() {
  echo "start: $*" >&2
  exit 1
}

# What a chart writes where no password was given, and no cluster could keep one that is generated.
placeholder=NO-PASSWORD-WAS-GIVEN

# A password may be missing where data know one.
# check_secret NAME TEXT
check_secret() {
  case $2 in
    "$placeholder") fail "no password was given: set security.password or" \
      "security.existingSecret of the chart, or install it by helm, which keeps a generated one" ;;
    *'
'*) fail "$1 has a line break in it" ;;
  esac
}

# A password that is always needed.
check_password() {
  check_secret PASSWORD "${PASSWORD:-}"
  [ -n "${PASSWORD:-}" ] || fail "PASSWORD is unset, and nobody could enter"
}

# The folder of the data can be written by whoever this is.
# check_volume DATA
check_volume() {
  mkdir "$1.probe" 2> /dev/null || [ -d "$1.probe" ] \
    || fail "$(dirname "$1") cannot be written by uid $(id -u): give the volume to it, or to its group"
  rmdir "$1.probe"
}

# The data belong to whoever this is, or to its group.
# check_owner DATA
check_owner() {
  [ -r "$1" ] && [ -w "$1" ] \
    || fail "$1 belongs to uid $(stat -c %u "$1"), and this is uid $(id -u): run it as that one"
}

# The memory that the container may use, in MiB, or that of the machine where it has no limit.
memory_limit() {
  machine=$(awk '/^MemTotal:/ { print int($2 / 1024) }' /proc/meminfo)
  for file in /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes; do
    if read -r bytes 2> /dev/null < "$file" && [ "$bytes" != max ]; then
      limit=$(awk -v bytes="$bytes" 'BEGIN { printf "%d", bytes / 1048576 }')
      [ "$limit" -ge "$machine" ] || machine=$limit
    fi
  done
  echo "$machine"
}

# Sets `tls`: $tls.crt and $tls.key are the certificate of TLS_DIRECTORY, else one that is made once
# and stays with the data. A mounted key is copied: servers take none that others may read.
# prepare_tls FOLDER SUBJECT
prepare_tls() {
  given=${TLS_DIRECTORY:-/etc/service-tls}
  mkdir -p "$1"
  # A cluster that gives a volume to the group of a pod opens each file on it to that group, also the
  # key of an earlier start. One of another user cannot be closed, and is made anew.
  for key in "$1/given.key" "$1/made.key"; do
    chmod 0600 "$key" 2> /dev/null || rm -f "$key"
  done
  if [ -e "$given/tls.crt" ]; then
    tls=$1/given
    cat "$given/tls.crt" > "$tls.crt"
    cat "$given/tls.key" > "$tls.key"
    return
  fi
  tls=$1/made
  # Also in the place of one that ends within a month.
  openssl x509 -in "$tls.crt" -noout -checkend 2592000 > /dev/null 2>&1 && [ -s "$tls.key" ] && return
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 3650 \
    -subj "/CN=$2" -keyout "$tls.key" -out "$tls.crt" 2> /dev/null \
    || fail "no certificate can be made in $1"
}
