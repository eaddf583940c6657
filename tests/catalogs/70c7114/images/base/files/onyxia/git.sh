# shellcheck shell=bash
# Who commits, how git is let in, and the clone that a session works on.

set_git_identity() {
  local output
  [[ -n ${GIT_USER_NAME:-}${GIT_USER_MAIL:-} ]] ||
    { skip "GIT_USER_NAME and GIT_USER_MAIL are unset"; return; }
  if [[ -n ${GIT_USER_NAME:-} ]]; then
    output=$(git config --global --replace-all user.name "$GIT_USER_NAME" 2>&1) ||
      { fail "$output"; return; }
  fi
  if [[ -n ${GIT_USER_MAIL:-} ]]; then
    output=$(git config --global --replace-all user.email "$GIT_USER_MAIL" 2>&1) || fail "$output"
  fi
}

# The token goes to git's cache, in memory, through a pipe.
keep_git_token() {
  local duration=${GIT_CREDENTIALS_CACHE_DURATION:-3600} token
  token=$(git_token)
  secret "$token"
  [[ -n $token${GIT_CREDENTIALS_CACHE_DURATION:-} ]] ||
    { skip "GIT_PERSONAL_ACCESS_TOKEN is unset"; return; }
  [[ $duration =~ ^[0-9]+$ ]] ||
    { fail "GIT_CREDENTIALS_CACHE_DURATION is not a number of seconds"; return; }
  use_git_cache "$duration" || return
  note "kept for $duration s"
  [[ -n $token ]] || { note "once typed: GIT_PERSONAL_ACCESS_TOKEN is unset"; return; }
  [[ ${GIT_REPOSITORY:-} =~ ^https?:// ]] ||
    { skip "GIT_REPOSITORY does not say which HTTP server the token is for"; return; }
  [[ $token$GIT_REPOSITORY != *[[:cntrl:]]* ]] ||
    { fail "the token or the URL holds a control character"; return; }
  # The cache's daemon outlives this step, so that it must not hold the pipe of a substitution.
  git_credential "$token" | git credential approve >/dev/null 2>&1 ||
    fail "git refused the credential"
}

# Other helpers of the user stay. The cache's socket lies in the session: a home directory may be a
# volume that has none, and has those of other sessions.
use_git_cache() {
  local helper="cache --timeout=$1" output
  if [[ -n ${ONYXIA_SESSION:-} ]]; then
    helper+=" --socket=$(quote_shell "$ONYXIA_SESSION/git/socket")"
  fi
  output=$(git config --global --replace-all credential.helper "$helper" '^cache( |$)' 2>&1) ||
    fail "$output"
}

# What git's credential protocol says of a token, for the server of the repository.
git_credential() {
  local server
  server=$(git_address)
  server=${server#*://}
  printf 'protocol=%s\nhost=%s\nusername=%s\npassword=%s\n\n' \
    "${GIT_REPOSITORY%%://*}" "${server%%/*}" "$(git_user)" "$1"
}

clone_repository() {
  local address directory output
  [[ -n ${GIT_REPOSITORY:-} ]] || { skip "GIT_REPOSITORY is unset"; return; }
  address=$(git_address)
  directory=${ONYXIA_PROJECT_DIRECTORY:-$(project_parent)}/$(project_name "$address")
  if [[ -e $directory ]]; then
    session_export ONYXIA_PROJECT_DIRECTORY "$directory"
    skip "$directory is already there"
    return
  fi
  output=$(GIT_TERMINAL_PROMPT=0 timeout 600 git clone --quiet \
    ${GIT_BRANCH:+"--branch=$GIT_BRANCH"} -- "$address" "$directory" 2>&1) ||
    { fail "$output"; return; }
  session_export ONYXIA_PROJECT_DIRECTORY "$directory"
  note "$directory"
}

# --- the parts of GIT_REPOSITORY ---------------------------------------------------------------

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
  local repository=${GIT_REPOSITORY:-} rest
  rest=${repository#*://}
  rest=${rest%%/*}
  [[ $repository =~ ^https?:// && $rest == *@* ]] && printf '%s' "${rest%@*}"
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
