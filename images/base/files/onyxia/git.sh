# shellcheck shell=bash disable=SC2154 # other parts set some of what begins with _onyxia
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

# The token goes to git's cache, in memory, through a pipe, and to no other helper: one could write it
# down. Whose token it is, is asked first.
keep_git_token() {
  local duration=${GIT_CREDENTIALS_CACHE_DURATION:-3600} token
  token=$(git_own_token)
  secret "$token"
  [[ -n ${GIT_PERSONAL_ACCESS_TOKEN:-}$token${GIT_CREDENTIALS_CACHE_DURATION:-} ]] ||
    { skip "GIT_PERSONAL_ACCESS_TOKEN is unset"; return; }
  [[ $duration =~ ^[0-9]+$ ]] ||
    { fail "GIT_CREDENTIALS_CACHE_DURATION is not a number of seconds"; return; }
  use_git_cache "$duration" || return
  note "kept for $duration s"
  [[ -n ${GIT_PERSONAL_ACCESS_TOKEN:-}$token ]] ||
    { note "once typed: GIT_PERSONAL_ACCESS_TOKEN is unset"; return; }
  [[ ${GIT_REPOSITORY:-} =~ ^https?:// ]] ||
    { skip "GIT_REPOSITORY does not say which HTTP server the token is for"; return; }
  [[ ${GIT_PERSONAL_ACCESS_TOKEN:-}$token$GIT_REPOSITORY != *[[:cntrl:]]* ]] ||
    { fail "the token or the URL holds a control character"; return; }
  give_git_token "$token"
}

# give_git_token TOKEN: the one that the URL itself holds, or the user's, to whose server it is.
give_git_token() {
  local token=$1 away
  parse_url "$GIT_REPOSITORY"
  away="not given to $_onyxia_url_host:"
  if [[ -n ${GIT_PERSONAL_ACCESS_TOKEN:-} ]]; then
    if is_token_server; then
      token=$GIT_PERSONAL_ACCESS_TOKEN
    elif [[ -n $token ]]; then
      note "$away it is not the server of the token"
    else
      skip "$away it is not the server of the token"
      return
    fi
  fi
  host_is_plain || { skip "$away it is no name of a server"; return; }
  [[ $_onyxia_url_scheme == https ]] || is_loopback "$_onyxia_url_host" ||
    { skip "$away by plain http it could be read on its way"; return; }
  # The cache's daemon outlives this step, so that it must not hold the pipe of a substitution.
  git_credential "$token" | git credential-cache "${_onyxia_git_cache[@]}" store >/dev/null 2>&1 ||
    fail "git refused the credential"
}

# Other helpers of the user stay. The cache's socket lies in the session: a home directory may be a
# volume that has none, and has those of other sessions.
use_git_cache() {
  local helper="cache --timeout=$1" output
  _onyxia_git_cache=("--timeout=$1")
  if [[ -n ${ONYXIA_SESSION:-} ]]; then
    helper+=" --socket=$(quote_shell "$ONYXIA_SESSION/git/socket")"
    _onyxia_git_cache+=("--socket=$ONYXIA_SESSION/git/socket")
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
    "${GIT_REPOSITORY%%://*}" "${server%%[/?#]*}" "$(git_user)" "$1"
}

# Whether GIT_PERSONAL_ACCESS_TOKEN is for the server of GIT_REPOSITORY. GIT_TOKEN_HOSTS names the
# hosts, with a port or for all of their ports.
is_token_server() (
  parse_url "${GIT_REPOSITORY:-}" && host_is_plain || exit
  host=$_onyxia_url_host port=$(url_port)
  IFS=$', \t\n' read -r -d '' -a listed <<<"${GIT_TOKEN_HOSTS:-github.com gitlab.com}"
  for one in "${listed[@]}"; do
    [[ $one == *://* ]] || one=https://$one
    if parse_url "$one" && host_is_plain && [[ $_onyxia_url_host == "$host" ]] &&
      [[ -z $_onyxia_url_port || $_onyxia_url_port == "$port" ]]; then
      exit 0
    fi
  done
  exit 1
)

clone_repository() {
  local address directory output
  [[ -n ${GIT_REPOSITORY:-} ]] || { skip "GIT_REPOSITORY is unset"; return; }
  address=$(git_address)
  directory=${ONYXIA_PROJECT_DIRECTORY:-$(project_parent)}/$(project_name "$address")
  if [[ -e $directory ]]; then
    session_export ONYXIA_PROJECT_DIRECTORY "$directory"
    trust_project "$directory" || return
    skip "$directory is already there"
    return
  fi
  output=$(GIT_TERMINAL_PROMPT=0 timeout 600 git clone --quiet \
    ${GIT_BRANCH:+"--branch=$GIT_BRANCH"} -- "$address" "$directory" 2>&1) ||
    { fail "$output"; return; }
  session_export ONYXIA_PROJECT_DIRECTORY "$directory"
  trust_project "$directory" || return
  note "$directory"
}

# git asks who owns a repository. On some volumes files are another's, or of the uid that a cluster gave
# to an earlier session: the user's own project is believed.
trust_project() {
  local output
  [[ ! -O $1 ]] || return 0
  output=$(git config --global --fixed-value --replace-all safe.directory "$1" "$1" 2>&1) ||
    fail "$output"
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

# `user:password` of the URL, if it has them.
git_userinfo() {
  ! parse_url "${GIT_REPOSITORY:-}" || printf '%s' "$_onyxia_url_userinfo"
}

# The URL as it is written into .git/config: a server of HTTP is told who asks by git's cache, and
# ssh wants a name, but no password.
git_address() {
  local user
  if ! parse_url "$GIT_REPOSITORY"; then
    printf '%s' "$GIT_REPOSITORY"
  elif [[ $_onyxia_url_scheme =~ ^https?$ ]]; then
    plain_address
  else
    user=${_onyxia_url_userinfo%%:*}
    printf '%s' "${GIT_REPOSITORY/"://$_onyxia_url_userinfo@"/"://${user:+$user@}"}"
  fi
}

# What the URL itself says, for its own server: a password; or one word, where no token is beside it.
git_own_token() {
  local userinfo
  [[ ${GIT_REPOSITORY:-} =~ ^https?:// ]] || return 0
  userinfo=$(git_userinfo)
  [[ $userinfo != *:* && -n ${GIT_PERSONAL_ACCESS_TOKEN:-} ]] || url_decode "${userinfo#*:}"
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
