# shellcheck shell=bash
# Where a session keeps what it prepares, and who finds it there.
#
# The root file system may be read-only, the home directory a volume of other sessions, and the uid
# any: so it is a directory below /tmp that is the user's alone. ONYXIA_SESSION names it to all that
# descends from the service; terminals and R that do not descend from it look for it
# (profile.sh, session.R).

prepare_session_directory() {
  local directory=${ONYXIA_SESSION_DIR:-/tmp/onyxia-session} output
  unset ONYXIA_SESSION
  # With a slash at its end a link would be its target, whoever made it.
  while [[ $directory == ?*/ || $directory == ?*/. ]]; do
    directory=${directory%/.}
    directory=${directory%/}
  done
  [[ $directory == /* ]] || { fail "ONYXIA_SESSION_DIR is not an absolute path"; return; }
  output=$(umask 077 && mkdir --parents -- "$directory" 2>&1) || { fail "$output"; return; }
  [[ ! -L $directory && -O $directory ]] || { fail "$directory belongs to somebody else"; return; }
  output=$(chmod 0700 -- "$directory" 2>&1) || { fail "$output"; return; }
  session_export ONYXIA_SESSION "$directory"
  note "$directory"
}

# session_export NAME VALUE: for the service. A local variable of that name does not hide it.
session_export() {
  declare -gx "$1=$2"
}

# export_default NAME VALUE: what is set already stays.
export_default() {
  [[ -n ${!1:-} ]] || session_export "$1" "$2"
}

# session_file NAME: what stands on stdin becomes that file of the session, whole or not at all.
# Not at the end of a pipe: there the reason of a failure would be lost.
session_file() {
  local file=${ONYXIA_SESSION:-}/$1 output
  [[ -n ${ONYXIA_SESSION:-} ]] || { fail "there is no session directory"; return; }
  output=$(
    umask 077
    { mkdir --parents -- "${file%/*}" && cat > "$file.new" && mv -- "$file.new" "$file"; } 2>&1
  ) || fail "$output"
}

prepare_home() {
  name_user
  choose_home || return
  fill_home
}

# An arbitrary uid may own nothing and have no name. Programs ask these variables first, and start
# scripts say `chown $USERNAME:$GROUPNAME`: what the image has there holds for its own group alone.
# UID is bash's own, and cannot be set.
name_user() {
  local name group
  name=$(id --user --name 2>/dev/null) || name=onyxia
  group=$(id --group --name 2>/dev/null) || group=$(id --group)
  export_default USER "$name"
  export_default LOGNAME "$USER"
  export_default USERNAME "$name"
  if [[ " $(id --groups) " != *" $(printenv GID) "* ]]; then
    session_export GROUPNAME "$group"
    session_export GID "$(id --group)"
  fi
}

choose_home() {
  if [[ -n ${HOME:-} && -d $HOME && -w $HOME ]]; then
    note "$HOME"
    try_home
    return
  fi
  [[ -n ${ONYXIA_SESSION:-} ]] || { fail "${HOME:-HOME} is not writable"; return; }
  note "${HOME:-HOME} is not writable, $ONYXIA_SESSION/home is used"
  session_export HOME "$ONYXIA_SESSION/home"
  mkdir --parents -- "$HOME"
}

# What start scripts write into without asking, and what a login shell reads. A volume over the home
# directory hides those of the image. What the user has stays.
fill_home() {
  local file
  (umask 077 && mkdir --parents -- "$HOME/.ssh") 2>/dev/null || note "but .ssh cannot be made"
  mkdir --parents -- "$HOME"/.{cache,config} "$HOME"/.local/{bin,share} 2>/dev/null ||
    note "but not all of its folders can be made"
  for file in .bashrc .profile; do
    [[ -e $HOME/$file || -L $HOME/$file || ! -r /etc/skel/$file ]] ||
      cp -- "/etc/skel/$file" "$HOME/$file" 2>/dev/null ||
      { rm --force -- "$HOME/$file"; note "but $file cannot be written"; }
  done
  # Last: what lies on a volume takes no program's place.
  [[ :$PATH: == *:$HOME/.local/bin:* ]] || session_export PATH "$PATH:$HOME/.local/bin"
}

# What a home cannot do is said: whoever wonders at a program then finds it in the log. Some volumes
# (SMB, Azure Files, some CSI drivers) give every file one mode, which ssh, gpg and DuckDB refuse.
try_home() {
  local probe mode
  probe=$(mktemp --tmpdir="$HOME" .onyxia.XXXXXX 2>&1) || { note "but $probe"; return; }
  head --bytes=4096 /dev/zero 2>/dev/null >"$probe" || note "but it is full"
  mode=$(stat --format=%a -- "$probe" 2>/dev/null)
  rm --force -- "$probe"
  [[ $mode == 600 ]] || note "it keeps no modes: what asks for private files refuses those there"
}

# A volume may hide the home directory of the image, and with it the work directory.
prepare_work_directory() {
  local directory
  directory=$(project_parent)
  if ! enter_directory "$directory"; then
    note "$directory is not writable"
    enter_directory "${HOME:-}/work" || return
    note "$HOME/work is used"
    session_export WORKSPACE_DIR "$HOME/work"
    session_export ROOT_PROJECT_DIRECTORY "$HOME/work"
    directory=$HOME/work
  fi
  export_default WORKSPACE_DIR "$directory"
  export_default ROOT_PROJECT_DIRECTORY "$directory"
  session_export ONYXIA_PROJECT_DIRECTORY "$directory"
}

project_parent() {
  printf '%s' "${ROOT_PROJECT_DIRECTORY:-${WORKSPACE_DIR:-${HOME:-/tmp}/work}}"
}

enter_directory() {
  mkdir --parents -- "$1" 2>/dev/null || return
  [[ -w $1 ]] || return
  cd -- "$1" || return
}

# --- for terminals and R that do not descend from the service ------------------------------------

# The same environment twice: `env.sh` for shells, and `environ`, separated by NUL, for R.
write_session_environment() {
  session_file environ < <(session_environment) || return
  session_file env.sh < <(session_environment | as_shell) || return
  note "$ONYXIA_SESSION"
}

# What the service gets, but for what belongs to this shell alone, and the git token: that is in
# git's cache, and in no file.
session_environment() {
  local pair
  while IFS= read -r -d '' pair; do
    case ${pair%%=*} in
      PWD | OLDPWD | SHLVL | _ | TERM | HOSTNAME | COLUMNS | LINES | GIT_PERSONAL_ACCESS_TOKEN) ;;
      GIT_REPOSITORY)
        [[ -z $(git_userinfo) ]] || pair=GIT_REPOSITORY=$(git_address)
        printf '%s\0' "$pair"
        ;;
      *) printf '%s\0' "$pair" ;;
    esac
  done < <(env --null)
}

# A name that no shell can hold is left out.
as_shell() {
  local pair
  while IFS= read -r -d '' pair; do
    [[ ${pair%%=*} =~ ^[A-Za-z_][A-Za-z0-9_]*$ ]] || continue
    printf 'export %s=%s\n' "${pair%%=*}" "$(quote_shell "${pair#*=}")"
  done
}
