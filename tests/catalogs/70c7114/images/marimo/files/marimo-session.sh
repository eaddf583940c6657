#!/bin/sh
# marimo-session [OPTION…]: `marimo edit` on the project directory, with the password of the session.
#
# marimo takes it on stdin: it is on no command line, and in no file. --quiet, because marimo would
# print an address with the password in it.
set -eu

if [ -z "${PASSWORD:-}" ]; then
  PASSWORD=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
  echo "marimo-session: PASSWORD is unset; the password of this session is $PASSWORD" >&2
fi
exec marimo --quiet edit --headless --skip-update-check --token-password-file=- "$@" \
  "${ONYXIA_PROJECT_DIRECTORY:-$PWD}" << END
$PASSWORD
END
