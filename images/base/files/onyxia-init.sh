#!/bin/bash
# Starts a session: onyxia-init.sh COMMAND [ARGUMENT…]
#
# Prepares the session from the environment, one step at a time, then becomes COMMAND. Each step
# says on stderr whether it was done, skipped or failed, and why; a failed one stops nothing.
#
# A step is a function: it returns 0 when done, $SKIPPED when there was nothing to do, anything
# else when it failed, with the reason in $why. It runs in this shell, so that it can export.
# No secret stands in $why, in an argument of a program, or in a file.

set -u -o pipefail

readonly SKIPPED=100
why=""

# As PID 1 nothing would reap orphans, and signals without a handler would be lost.
become_init() {
  if [[ $$ -eq 1 ]]; then
    exec tini -- "$0" "$@"
  fi
}

step() {
  local name=$1 status=0
  why=""
  "$2" || status=$?
  case $status in
    0) report "$name" "done" ;;
    "$SKIPPED") report "$name" "skipped" ;;
    *) report "$name" "failed" ;;
  esac
}

# One line: `onyxia-init: NAME: OUTCOME (REASON)`.
report() {
  local reason=${why//$'\n'/ }
  if [[ -n ${GIT_PERSONAL_ACCESS_TOKEN:-} ]]; then
    reason=${reason//"$GIT_PERSONAL_ACCESS_TOKEN"/***}
  fi
  printf 'onyxia-init: %s: %s%s\n' "$1" "$2" "${reason:+ ($reason)}" >&2
}

skip() {
  why=$1
  return "$SKIPPED"
}

fail() {
  why=$1
  return 1
}

# --- steps -------------------------------------------------------------------------------------

# A volume may hide the home directory of the image, and with it the work directory.
prepare_work_directory() {
  local directory
  directory=$(project_parent)
  why=$(mkdir -p -- "$directory" 2>&1) || return 1
  [[ -w $directory ]] || { fail "$directory is not writable"; return; }
  cd -- "$directory" || fail "cannot enter $directory"
}

set_git_identity() {
  [[ -n ${GIT_USER_NAME:-}${GIT_USER_MAIL:-} ]] || { skip "GIT_USER_NAME and GIT_USER_MAIL are unset"; return; }
  if [[ -n ${GIT_USER_NAME:-} ]]; then
    why=$(git config --global user.name "$GIT_USER_NAME" 2>&1) || return 1
  fi
  if [[ -n ${GIT_USER_MAIL:-} ]]; then
    why=$(git config --global user.email "$GIT_USER_MAIL" 2>&1) || return 1
  fi
}

# The token goes to git's cache, in memory, through a pipe.
keep_git_token() {
  local duration=${GIT_CREDENTIALS_CACHE_DURATION:-3600} protocol host token user
  [[ -n ${GIT_REPOSITORY:-} ]] || { skip "GIT_REPOSITORY is unset"; return; }
  [[ $GIT_REPOSITORY =~ ^https?:// ]] || { skip "the repository is not reached over HTTP"; return; }
  token=$(git_token)
  [[ -n $token ]] || { skip "GIT_PERSONAL_ACCESS_TOKEN is unset"; return; }
  [[ $token$GIT_REPOSITORY != *$'\n'* ]] || { fail "the token or the URL holds a line break"; return; }
  [[ $duration =~ ^[0-9]+$ ]] || { fail "GIT_CREDENTIALS_CACHE_DURATION is not a number of seconds"; return; }
  protocol=${GIT_REPOSITORY%%://*}
  host=$(git_address)
  host=${host#*://}
  host=${host%%/*}
  user=$(git_user)
  why=$(git config --global credential.helper "cache --timeout=$duration" 2>&1) || return 1
  # The cache's daemon outlives this step, so that it must not hold the pipe of a substitution.
  printf 'protocol=%s\nhost=%s\nusername=%s\npassword=%s\n\n' "$protocol" "$host" "$user" "$token" |
    git credential approve >/dev/null 2>&1 || fail "git refused the credential"
}

clone_repository() {
  local address directory
  [[ -n ${GIT_REPOSITORY:-} ]] || { skip "GIT_REPOSITORY is unset"; return; }
  address=$(git_address)
  directory=$(project_parent)/$(project_name "$address")
  [[ ! -e $directory ]] || { skip "$directory is already there"; return; }
  why=$(GIT_TERMINAL_PROMPT=0 timeout 600 git clone --quiet ${GIT_BRANCH:+"--branch=$GIT_BRANCH"} \
    -- "$address" "$directory" 2>&1) || return 1
  why=$directory
}

# --- what the steps share ----------------------------------------------------------------------

project_parent() {
  printf '%s' "${ROOT_PROJECT_DIRECTORY:-${WORKSPACE_DIR:-$HOME/work}}"
}

# The last part of the address, without `.git`; never `..` or a path.
project_name() {
  local name=${1%/}
  name=${name##*[/:]}
  name=${name%.git}
  name=${name//[^A-Za-z0-9._-]/-}
  [[ $name != . && $name != .. && -n $name ]] || name=project
  printf '%s' "$name"
}

# `user:password@` of a URL, if it has one.
git_userinfo() {
  local rest=${GIT_REPOSITORY#*://}
  rest=${rest%%/*}
  [[ $GIT_REPOSITORY =~ ^https?:// && $rest == *@* ]] && printf '%s' "${rest%@*}"
  return 0
}

# The URL without them: it is written into .git/config.
git_address() {
  local userinfo
  userinfo=$(git_userinfo)
  if [[ -n $userinfo ]]; then
    printf '%s' "${GIT_REPOSITORY/"$userinfo@"/}"
  else
    printf '%s' "$GIT_REPOSITORY"
  fi
}

# A URL with one word before the `@`, and no token beside it: the word is the token.
git_token() {
  local userinfo
  userinfo=$(git_userinfo)
  if [[ -n ${GIT_PERSONAL_ACCESS_TOKEN:-} ]]; then
    printf '%s' "$GIT_PERSONAL_ACCESS_TOKEN"
  else
    url_decode "${userinfo#*:}"
  fi
}

# Servers that take a token take any name with it; this is the one that all of them accept.
git_user() {
  local userinfo
  userinfo=$(git_userinfo)
  if [[ $userinfo == *:* || ( -n $userinfo && -n ${GIT_PERSONAL_ACCESS_TOKEN:-} ) ]]; then
    url_decode "${userinfo%%:*}"
  else
    printf 'oauth2'
  fi
}

url_decode() {
  local escaped=${1//\\/\\\\}
  printf '%b' "${escaped//%/\\x}"
}

# -----------------------------------------------------------------------------------------------

main() {
  become_init "$@"
  step "work directory" prepare_work_directory
  step "git identity" set_git_identity
  step "git token" keep_git_token
  step "git clone" clone_repository
  [[ $# -gt 0 ]] || set -- bash -l
  exec "$@"
}

main "$@"
