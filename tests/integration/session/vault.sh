#!/bin/bash
# vault.sh LIBRARY < ANSWER: what was logged of a secret, and the environment that it leaves, each
# with NUL at its end.
for _part in report quote urls session settings network names vault; do
  # shellcheck disable=SC1090 # they are checked themselves
  . "$1/$_part.sh"
done
_answer=$(cat)
take() {
  export_vault_keys "$_answer"
}
# The log is what is said, and not what fits on a line.
know_secrets
step vault take 2>"$HOME/log"
printf '%s ' "${_onyxia_why:?}" >>"$HOME/log"
printf '%s\0' "$(cat "$HOME/log")"
env --null
