#!/bin/sh
# code-server, which a service starts on the project directory that onyxia-init.sh prepared.
#
# Everything else is passed on as it is: `code-server FILE` in a terminal of VS Code opens FILE
# there, `code-server --install-extension FILE` installs one. Elsewhere, files alone are `code FILE`:
# a start script means the service that comes, not one more.
set -eu

program=/opt/code-server/bin/code-server
serves=no
password=needed
# Where files of sockets may be: a home directory may be a volume that has none.
socket=${ONYXIA_SESSION:+$ONYXIA_SESSION/code-server.sock}
if [ -z "${VSCODE_IPC_HOOK_CLI:-}" ]; then
  for argument in "$@"; do
    case $argument in
      --bind-addr | --bind-addr=* | --host | --host=* | --port | --port=* | --socket*) serves=yes ;;
      none | --auth=none) password=no ;;
      --session-socket | --session-socket=*) socket= ;;
    esac
  done
fi
if [ "$serves" = no ] && [ -z "${VSCODE_IPC_HOOK_CLI:-}" ] && [ $# -gt 0 ]; then
  only_files=yes
  for argument; do
    [ -f "$argument" ] || only_files=no
  done
  [ "$only_files" = no ] || exec code "$@"
fi
[ "$serves" = yes ] || exec "$program" "$@"

# Without one, code-server would ask for one that nobody knows.
if [ "$password" = needed ] && [ -z "${PASSWORD:-}${HASHED_PASSWORD:-}" ]; then
  PASSWORD=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
  export PASSWORD
  echo "code-server: PASSWORD is unset; the password of this session is $PASSWORD" >&2
fi
# Whoever starts the session may take what is cloned as trusted.
case ${GIT_TRUST_PROJECT:-} in
  [Tt][Rr][Uu][Ee]) trust=--disable-workspace-trust ;;
  *) trust= ;;
esac
# Of several folders code-server opens the last, so that one on the command line wins.
exec "$program" ${socket:+"--session-socket=$socket"} ${trust:+"$trust"} "${ONYXIA_PROJECT_DIRECTORY:-$PWD}" "$@"
