# shellcheck shell=sh
# Read by login shells (/etc/profile.d) and interactive ones (/etc/bash.bashrc). A terminal that
# descends from the service has its environment; one that does not is given it here.
if [ -z "${ONYXIA_SESSION:-}" ]; then
  # Only what the same user wrote is read.
  # shellcheck disable=SC3067 # dash and bash both know -O
  if [ -O "${ONYXIA_SESSION_DIR:-/tmp/onyxia-session}/env.sh" ]; then
    # shellcheck disable=SC1091
    . "${ONYXIA_SESSION_DIR:-/tmp/onyxia-session}/env.sh"
  fi
fi
