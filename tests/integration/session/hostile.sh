#!/bin/bash
# hostile.sh LIBRARY FOLDER < ROWS: plays each row of images/base/tests/hostile.json in a shell of its
# own, and says what came of it: what was logged, what was asked of servers and of git's cache, and
# where the session lies, each with NUL at its end. Nothing leaves this machine: curl and git are
# stand-ins that write down what they get.
set -o pipefail
_library=$1 _folder=$2
for _part in report quote urls session settings network scripts names vault kubernetes s3 git; do
  # shellcheck disable=SC1090 # they are checked themselves
  . "$_library/$_part.sh"
done

git() {
  [[ $1 != credential-cache ]] || cat >"$_asked"
}

# play VARIABLE MESSAGE
play() {
  tidy_settings
  know_secrets
  if [[ -n $2 ]]; then
    _onyxia_why=$2
    report message said
    return
  fi
  case $1 in
    GIT_*) step "git token" keep_git_token ;;
    VAULT_*) step vault read_vault_secret ;;
    REGION_*) step "region script" run_region_script ;;
    PERSONAL_*) step "personal script" run_personal_script ;;
    AWS_*) step S3 prepare_s3 ;;
    ONYXIA_*) step "session directory" prepare_session_directory ;;
  esac
}

_number=0
while IFS= read -r -d '' _variable && IFS= read -r -d '' _value && IFS= read -r -d '' _message; do
  _number=$((_number + 1)) _beside=()
  while IFS= read -r -d '' _pair && [[ -n $_pair ]]; do
    _beside+=("$_pair")
  done
  (
    export ONYXIA_SESSION="$_folder" _asked="$_folder/asked.$_number" "${_beside[@]}" "$_variable=$_value"
    play "$_variable" "$_message" 2>"$_folder/log"
    printf '%s\0' "$(<"$_folder/log")" "$([[ ! -e $_asked ]] || cat "$_asked")" "$ONYXIA_SESSION" \
      "$(session_environment | tr '\0' '\n')" "$([[ -z ${GIT_REPOSITORY:-} ]] || git_address)"
  )
done
