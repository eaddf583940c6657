# shellcheck shell=bash
# A hook of onyxia-init.sh, whose functions it uses.

# Only where the user has not chosen a theme; what the user chose stays.
darken_vscode() {
  [[ ${DARK_MODE:-} == true ]] || { skip "DARK_MODE is not true"; return; }
  merge_json "${XDG_DATA_HOME:-$HOME/.local/share}/code-server/User/settings.json" \
    '{"workbench.colorTheme": "Dark 2026", "window.autoDetectColorScheme": false}'
}

step "VS Code" darken_vscode
