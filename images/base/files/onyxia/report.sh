# shellcheck shell=bash
# How a step ends, and how that is said.
#
# A step is a function: it returns 0 when done, or ends with `skip REASON` or `fail REASON`. It runs
# in the shell of the script, so that it can export. `note REASON` adds to what a done step says.
# Globals and locals that outlive a step begin with `_onyxia`: a secret may be named like any other.

readonly _onyxia_skipped=100
readonly _onyxia_longest=1000
readonly _onyxia_most_said=16384 # of a message that is then cut
_onyxia_why=""
_onyxia_secrets=()
_onyxia_new_secrets=()

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
  prepare_secrets
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
  case ${1,,} in
    true | false | none | null) ;;
    *) [[ ${#1} -lt 4 ]] || _onyxia_new_secrets+=("$1") ;;
  esac
}

# Variables whose names say it, and the passwords of addresses in any other.
know_secrets() {
  local _onyxia_name _onyxia_value
  while IFS= read -r _onyxia_name; do
    _onyxia_value=${!_onyxia_name}
    case ${_onyxia_name^^} in
      *PASSWORD | *PASSWD | *PASSPHRASE | *_PASS | *_PWD | *TOKEN | *SECRET | *_KEY | *APIKEY | *_PAT | \
        *_JWT | *CREDENTIAL | *CREDENTIALS)
        secret "$_onyxia_value"
        ;;
      *)
        [[ $_onyxia_value != *:*@* ]] || know_password "$_onyxia_value"
        ;;
    esac
  done < <(compgen -e)
}

# know_password ADDRESS: of `scheme://user:password@host`, with or without the scheme.
know_password() {
  local address=${1#*://} password
  address=${address%%[[:space:]]*}
  [[ $address == *:*@* ]] || return 0
  address=${address%@*}
  password=${address#*:}
  secret "$password"
  [[ $password != *%* ]] || secret "$(url_decode "$password")"
}

# What a secret looks like elsewhere: each of its lines, on one line, as JSON, as base64 wherever it
# begins in a longer text. One program for all of them, which gets them on stdin. The longest come
# first, since one may be a part of another.
prepare_secrets() {
  local one all=()
  [[ ${#_onyxia_new_secrets[@]} -gt 0 ]] || return 0
  mapfile -d '' -t all < <(printf '%s\0' "${_onyxia_new_secrets[@]}" | forms_of_secrets)
  all+=(${_onyxia_secrets[@]+"${_onyxia_secrets[@]}"} "${_onyxia_new_secrets[@]}")
  _onyxia_secrets=() _onyxia_new_secrets=()
  while IFS= read -r -d '' one; do
    _onyxia_secrets+=("${one:10}")
  done < <(
    for one in "${all[@]}"; do
      printf '%09d %s\0' "${#one}" "$one"
    done | sort --zero-terminated --reverse --unique
  )
}

forms_of_secrets() {
  jq --raw-input --slurp --join-output '
    def core($skipped):
      utf8bytelength as $size
      | ("\u0000" * $skipped // "") + . | @base64
      | .[($skipped * 8 / 6 | ceil):(($skipped + $size) * 8 / 6 | floor)];
    split("\u0000")[] | select(length > 3)
    | ., (split("[\r\n]+"; null) | select(length > 1)[])
    | ., tojson[1:-1], gsub("[\\x00-\\x1f\\x7f]"; ""),
      (select(utf8bytelength > 5) | core(0, 1, 2) | ., (gsub("\\+"; "-") | gsub("/"; "_")))
    | select(length > 3) | ., "\u0000"
  ' 2>/dev/null
}

# A message on one line, without secrets, and without what a URL says of a user. Where a secret is
# broken over lines, or escaped as in a URL, the message is said without the breaks and escapes.
redacted() {
  local text=${1:0:_onyxia_most_said} way other
  hide_secrets
  for way in joined decoded both; do
    other=$text
    [[ $way == decoded ]] || other=${other//[[:cntrl:]]/}
    [[ $way == joined || $other != *%* ]] || other=$(url_decode "$other")
    [[ $way != both ]] || other=${other//[[:cntrl:]]/}
    if [[ $other != "$text" ]] && holds_secret "$other"; then
      text=$other
      hide_secrets
    fi
  done
  text=${text//[[:cntrl:]]/ }
  if [[ $text == *[@=]* ]]; then
    text=$(printf '%s' "$text" | sed -E "${_onyxia_without[@]}")
  fi
  printf '%s' "${text:0:_onyxia_longest}"
}

# In `text` of whoever calls it.
hide_secrets() {
  local one mask='***'
  for one in ${_onyxia_secrets[@]+"${_onyxia_secrets[@]}"}; do
    text=${text//"$one"/"$mask"}
  done
}

holds_secret() {
  local one
  for one in ${_onyxia_secrets[@]+"${_onyxia_secrets[@]}"}; do
    [[ $1 != *"$one"* ]] || return 0
  done
  return 1
}

# The user of a URL; `user:password@` where no scheme is before it; the values of parameters that
# are secrets by their names.
readonly _onyxia_without=(
  -e 's#(://)[^/?\#[:space:]]*@#\1***@#g'
  -e 's#[^][:space:]/:@"'"'"'(=]+:[^/[:space:]][^[:space:]]*@#***@#g'
  -e 's#((token|key|passw(or)?d|pwd|passphrase|secret|sig|signature|credentials?|jwt|sas)=)[^&\#;"'"'"'[:space:])]+#\1***#gI'
)
