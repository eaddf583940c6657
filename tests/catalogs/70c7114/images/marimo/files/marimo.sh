# shellcheck shell=bash
# A hook of onyxia-init.sh, whose functions it uses.

# marimo's settings are one TOML file: only where the user has none.
darken_marimo() {
  local file=${XDG_CONFIG_HOME:-$HOME/.config}/marimo/marimo.toml
  [[ ${DARK_MODE:-} == true ]] || { skip "DARK_MODE is not true"; return; }
  [[ ! -e $file ]] || { skip "$file is the user's"; return; }
  { mkdir --parents -- "${file%/*}" && printf '[display]\ntheme = "dark"\n' > "$file"; } \
    2>/dev/null || fail "$file cannot be written"
}

step "marimo" darken_marimo
