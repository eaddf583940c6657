# shellcheck shell=bash
# How a step ends, and how that is said.
#
# A step is a function: it returns 0 when done, or ends with `skip REASON` or `fail REASON`. It runs
# in the shell of the script, so that it can export. `note REASON` adds to what a done step says.
# Globals and locals that outlive a step begin with `_onyxia`: a secret may be named like any other.

readonly _onyxia_skipped=100
readonly _onyxia_longest=400
_onyxia_why=""
_onyxia_secrets=()

step() {
  local _onyxia_status=0
  _onyxia_why=""
  "$2" || _onyxia_status=$?
  case $_onyxia_status in
    0) report "$1" "done" ;;
    "$_onyxia_skipped") report "$1" "skipped" ;;
    *) report "$1" "failed" ;;
  esac
}

# One line: `onyxia-init: NAME: OUTCOME (REASON)`.
report() {
  local reason
  reason=$(redacted "$_onyxia_why")
  printf 'onyxia-init: %s: %s%s\n' "$1" "$2" "${reason:+ ($reason)}" >&2
}

note() {
  _onyxia_why=${_onyxia_why:+$_onyxia_why; }$1
}

skip() {
  _onyxia_why=$1
  return "$_onyxia_skipped"
}

fail() {
  _onyxia_why=$1
  return 1
}

# --- secrets -----------------------------------------------------------------------------------

# What must not be said. A very short one is no secret, and would blot out half of every message.
secret() {
  [[ ${#1} -lt 4 ]] || _onyxia_secrets+=("$1")
}

know_secrets() {
  local name
  for name in PASSWORD VAULT_TOKEN GIT_PERSONAL_ACCESS_TOKEN AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN; do
    secret "${!name:-}"
  done
}

# A message on one line, without secrets, and without the user and password of any URL.
redacted() {
  local text=$1 one
  for one in ${_onyxia_secrets[@]+"${_onyxia_secrets[@]}"}; do
    text=${text//"$one"/***}
  done
  text=${text//[[:cntrl:]]/ }
  if [[ $text == *://*@* ]]; then
    text=$(printf '%s' "$text" | sed -E 's#(://)[^/@[:space:]]+@#\1***@#g')
  fi
  printf '%s' "${text:0:_onyxia_longest}"
}
