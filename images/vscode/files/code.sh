#!/bin/sh
# code FILE…: opens files and folders in VS Code.
#
# A terminal of VS Code says where to. A start script runs before anybody looks: what it names is kept,
# and opened by the first window (opener.js). Options of code-server (`--install-extension NAME`) are
# its own.
set -eu

[ -z "${VSCODE_IPC_HOOK_CLI:-}" ] || exec code-server "$@"
for argument; do
  case $argument in
    -r | -n | -g | -a | --reuse-window | --new-window | --goto | --add) ;;
    -*) exec code-server "$@" ;;
  esac
done
list=${ONYXIA_SESSION:-/tmp/onyxia-session}/open
umask 077
for argument; do
  case $argument in
    -*) continue ;;
  esac
  # Of FILE:LINE[:COLUMN] the file, unless one is called so.
  if [ ! -e "$argument" ]; then
    argument=$(printf %s "$argument" | sed -E 's/(:[0-9]+){1,2}$//')
  fi
  printf '%s\0' "$(realpath --no-symlinks --canonicalize-missing -- "$argument")" >> "$list"
done
