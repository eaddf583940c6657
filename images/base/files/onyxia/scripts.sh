# shellcheck shell=bash disable=SC2154 # other parts set some of what begins with _onyxia
# Scripts of the platform and of the user: downloaded whole, looked at, then run. What they print
# goes to the log of the service; it is theirs.

# REGION_INIT_SCRIPT_CHECKSUM is the sha256 that it has to have, where the platform says one.
run_region_script() {
  [[ -n ${REGION_INIT_SCRIPT:-} ]] || { skip "REGION_INIT_SCRIPT is unset"; return; }
  run_script "${REGION_INIT_SCRIPT_CHECKSUM:-}" REGION_INIT_SCRIPT_CHECKSUM "$REGION_INIT_SCRIPT"
}

# PERSONAL_INIT_ARGS is split at white space; quotes and backslashes keep words together. Nothing
# in it is expanded.
run_personal_script() {
  local words
  [[ -n ${PERSONAL_INIT_SCRIPT:-} ]] || { skip "PERSONAL_INIT_SCRIPT is unset"; return; }
  printf '%s' "${PERSONAL_INIT_ARGS:-}" | xargs --no-run-if-empty true 2>/dev/null ||
    { fail "PERSONAL_INIT_ARGS has a quote without its other half"; return; }
  mapfile -d '' -t words < <(
    printf '%s' "${PERSONAL_INIT_ARGS:-}" | xargs --no-run-if-empty printf '%s\0'
  )
  run_script "" "" "$PERSONAL_INIT_SCRIPT" ${words[@]+"${words[@]}"}
}

# run_script SHA256 VARIABLE URL [ARGUMENT…]: the variable is the one that may hold the sum. Both may
# be empty.
run_script() {
  local sum=${1#sha256:} checked=$2 url=$3 file output status=0
  shift 3
  [[ $url =~ ^https?:// && $url != *[[:cntrl:]]* ]] || { fail "it is not an http(s) URL"; return; }
  [[ -n $sum ]] || is_private_way "$url" ||
    { fail "by plain http it could be changed on its way: use https${checked:+, or $checked}"; return; }
  file=$(mktemp --tmpdir="${ONYXIA_SESSION:-${TMPDIR:-/tmp}}" script.XXXXXX 2>&1) ||
    { fail "$file"; return; }
  output=$(printf 'url = %s\n' "$(quote_curl "$url")" |
    fetch "$file" "$url" --location --proto-redir '=https' 2>&1) || status=$?
  if [[ $(stat --format=%s -- "$file") -gt $_onyxia_most_bytes ]]; then
    status=1 output="it is larger than 1 MiB"
  fi
  if [[ $status -ne 0 ]]; then
    rm --force -- "$file"
    fail "$output"
    return
  fi
  # A page of a proxy or of a login is no script, whatever its status says.
  if [[ $(head --bytes=200 -- "$file" | tr --delete '\0') =~ ^[[:space:]]*\< ]]; then
    rm --force -- "$file"
    fail "the server answered with a page, not with a script"
    return
  fi
  if [[ -n $sum && $(sha256sum <"$file") != "$sum  -" ]]; then
    rm --force -- "$file"
    fail "its sha256 is not $checked"
    return
  fi
  bash -- "$file" "$@" </dev/null >&2 || status=$?
  rm --force -- "$file"
  [[ $status -eq 0 ]] || fail "it ended with exit code $status"
}
