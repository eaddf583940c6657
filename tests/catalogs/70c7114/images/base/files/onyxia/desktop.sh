# shellcheck shell=bash
# What the programs that a user looks at are told. Each recipe does its own part: see the README.

choose_dark_mode() {
  case ${DARK_MODE:-} in
    [Tt]rue | TRUE) session_export DARK_MODE true ;;
    *) skip "DARK_MODE is not true" ;;
  esac
}

# For hooks. merge_json FILE JSON: settings that the user has not made. A file that is not JSON
# stays as it is.
merge_json() {
  local file=$1 settings=$2 merged
  if [[ -s $file ]]; then
    merged=$(jq --argjson settings "$settings" '$settings + .' "$file" 2>/dev/null) ||
      { fail "$file is not JSON, and stays as it is"; return; }
  else
    merged=$settings
  fi
  { mkdir --parents -- "${file%/*}" && printf '%s\n' "$merged" >"$file"; } 2>/dev/null ||
    fail "$file cannot be written"
}
