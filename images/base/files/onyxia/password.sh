# shellcheck shell=bash
# What a chart writes for a password where none was given, and where no cluster could keep one that
# is generated. Everybody knows it: the one thing for which a session does not start.

refuse_placeholder() {
  [[ ${PASSWORD:-} == NO-PASSWORD-WAS-GIVEN ]] || return 0
  fail "no password was given: set security.password or security.existingSecret of the chart, or install it by helm, which keeps a generated one"
  report "password" "failed"
  exit 1
}
