# shellcheck shell=bash disable=SC2154 # other parts set some of what begins with _onyxia
# One secret of a KV v2 engine: its keys become variables of the session, byte for byte.

read_vault_secret() {
  local name answer url
  [[ -n ${VAULT_RELATIVE_PATH:-} ]] || { skip "VAULT_RELATIVE_PATH is unset"; return; }
  for name in VAULT_ADDR VAULT_MOUNT; do
    [[ -n ${!name:-} ]] || { fail "$name is unset"; return; }
  done
  [[ $VAULT_ADDR =~ ^https?:// ]] || { fail "VAULT_ADDR is not an http(s) URL"; return; }
  is_private_way "$VAULT_ADDR" ||
    { fail "the token is not sent to $VAULT_ADDR: by plain http it could be read on its way"; return; }
  if [[ ${VAULT_INJECTION_SA_ENABLED,,} == true ]]; then
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
  } | fetch - "$VAULT_ADDR" "$@" | head --bytes="$_onyxia_most_bytes"
}

# The service account's token is traded for one of Vault's, which the session keeps.
vault_login() {
  local answer token account=${_onyxia_account:?}
  [[ ${VAULT_INJECTION_SA_MODE,,} =~ ^(jwt)?$ ]] ||
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

# export_vault_keys ANSWER. What a key may be called: see names.sh.
export_vault_keys() {
  local name state value count=0 why
  local -A left=()
  learn_names
  while IFS= read -r -d '' name && IFS= read -r -d '' state && IFS= read -r -d '' value; do
    if [[ $state != text || ! $name =~ ^[A-Za-z_][A-Za-z0-9_]*$ ]]; then
      why='not variables'
    elif is_taken "$name"; then
      why='set already'
    elif is_reserved "$name"; then
      why='names that programs or this session act upon'
    elif ! fits_environment "$name=$value"; then
      why='too large'
    else
      secret "$value"
      session_export "$name" "$value"
      count=$((count + 1))
      continue
    fi
    left[$why]+="${left[$why]:+ }$name"
  done < <(printf '%s' "$1" | vault_pairs)
  note "$count keys"
  for why in 'set already' 'names that programs or this session act upon' 'too large' 'not variables'; do
    [[ -z ${left[$why]:-} ]] || note "left out, $why: ${left[$why]}"
  done
}

# Linux starts no program with a variable of 128 KiB or more, and so no service.
fits_environment() {
  local LC_ALL=C
  [[ ${#1} -lt 131072 ]]
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
