# shellcheck shell=bash
# One secret of a KV v2 engine: its keys become variables of the session, byte for byte.

read_vault_secret() {
  local name answer url
  [[ -n ${VAULT_RELATIVE_PATH:-} ]] || { skip "VAULT_RELATIVE_PATH is unset"; return; }
  for name in VAULT_ADDR VAULT_MOUNT; do
    [[ -n ${!name:-} ]] || { fail "$name is unset"; return; }
  done
  [[ $VAULT_ADDR =~ ^https?:// ]] || { fail "VAULT_ADDR is not an http(s) URL"; return; }
  if [[ ${VAULT_INJECTION_SA_ENABLED:-} == true ]]; then
    vault_login || return
  fi
  [[ -n ${VAULT_TOKEN:-} ]] || { fail "VAULT_TOKEN is unset"; return; }
  [[ $VAULT_TOKEN != *[[:cntrl:]]* ]] || { fail "VAULT_TOKEN holds a control character"; return; }
  url=v1/$(quote_path "$VAULT_MOUNT")/data/$(quote_path "${VAULT_TOP_DIR:-}/$VAULT_RELATIVE_PATH")
  answer=$(vault_call "$url" 2>&1) || { fail "$answer"; return; }
  printf '%s' "$answer" | jq --exit-status '.data.data | type == "object"' >/dev/null 2>&1 ||
    { fail "the answer is not a KV v2 secret"; return; }
  export_vault_keys "$answer"
}

# vault_call PATH [OPTION…]: prints the answer.
vault_call() {
  local path=$1
  shift
  {
    printf 'url = %s\n' "$(quote_curl "${VAULT_ADDR%/}/$path")"
    [[ -z ${VAULT_TOKEN:-} ]] || printf 'header = %s\n' "$(quote_curl "X-Vault-Token: $VAULT_TOKEN")"
  } | fetch - "$@"
}

# The service account's token is traded for one of Vault's, which the session keeps.
vault_login() {
  local answer token account=${_onyxia_account:?}
  [[ ${VAULT_INJECTION_SA_MODE:-jwt} == jwt ]] ||
    { fail "VAULT_INJECTION_SA_MODE is not jwt"; return; }
  [[ -n ${VAULT_INJECTION_SA_AUTH_PATH:-} ]] ||
    { fail "VAULT_INJECTION_SA_AUTH_PATH is unset"; return; }
  [[ -r $account/token ]] || { fail "$account/token cannot be read"; return; }
  answer=$(
    unset VAULT_TOKEN
    vault_call "v1/auth/$(quote_path "$VAULT_INJECTION_SA_AUTH_PATH")/login" --request POST \
      --header "Content-Type: application/json" \
      --data-binary @<(jq --raw-input --slurp --arg role "${VAULT_INJECTION_SA_AUTH_ROLE:-}" \
        '{role: $role, jwt: rtrimstr("\n")}' "$account/token") 2>&1
  ) || { fail "login: $answer"; return; }
  token=$(printf '%s' "$answer" | jq --exit-status --raw-output '.auth.client_token | strings' 2>/dev/null) ||
    { fail "login: the answer holds no token"; return; }
  secret "$token"
  session_export VAULT_TOKEN "$token"
}

# export_vault_keys ANSWER. Names that a shell or the loader acts upon are no secrets of a user.
export_vault_keys() {
  local name state value count=0 left=()
  while IFS= read -r -d '' name && IFS= read -r -d '' state && IFS= read -r -d '' value; do
    if [[ $state != text || ! $name =~ ^[A-Za-z_][A-Za-z0-9_]*$ ]] || acts_by_itself "$name"; then
      left+=("$name")
      continue
    fi
    secret "$value"
    session_export "$name" "$value"
    count=$((count + 1))
  done < <(printf '%s' "$1" | vault_pairs)
  note "$count keys"
  [[ ${#left[@]} -eq 0 ]] || note "left out, not names of variables: ${left[*]}"
}

acts_by_itself() {
  case $1 in
    _onyxia* | ONYXIA_* | BASH* | LD_* | SHELLOPTS | IFS | ENV | PATH | HOME | PS4 | PROMPT_COMMAND) true ;;
    *) [[ $(declare -p -- "$1" 2>/dev/null) =~ ^declare\ -[a-zA-Z]*r ]] ;; # as UID is
  esac
}

# Name, `text` or `binary`, value; each ends with NUL. Keys of keysOrdering come first, in its order.
vault_pairs() {
  jq --join-output '
    def plain: explode | map(if . == 0 then 63 else . end) | implode;
    .data.data as $data
    | ($data[".onyxia"] | if type == "object" then .keysOrdering else null end) as $order
    | ($order | if type == "array" then map(strings) else [] end) as $first
    | ($first + (($data | keys) - $first))[]
    | select(. != ".onyxia") | select(. as $key | $data | has($key))
    | ($data[.] | if type == "string" then . else tojson end) as $value
    | plain, "\u0000",
      (if $value | explode | index(0) then "binary" else "text" end), "\u0000",
      ($value | plain), "\u0000"
  '
}
