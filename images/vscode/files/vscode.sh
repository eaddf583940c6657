# shellcheck shell=bash
# A hook of onyxia-init.sh, whose functions it uses.

# Only where the user has not chosen a theme; what the user chose stays.
darken_vscode() {
  [[ ${DARK_MODE:-} == true ]] || { skip "DARK_MODE is not true"; return; }
  merge_json "${XDG_DATA_HOME:-$HOME/.local/share}/code-server/User/settings.json" \
    '{"workbench.colorTheme": "Dark 2026", "window.autoDetectColorScheme": false}'
}

# Asks once for each folder whether its authors are trusted: until they are, nothing in it runs, and
# its settings name no program. A task that starts by itself does so for nobody. These settings
# count in the user's file alone; what the user chose stays.
guard_vscode() {
  [[ ${GIT_TRUST_PROJECT,,} != true ]] || { skip "GIT_TRUST_PROJECT is true"; return; }
  merge_json "${XDG_DATA_HOME:-$HOME/.local/share}/code-server/User/settings.json" \
    '{"security.workspace.trust.startupPrompt": "once", "task.allowAutomaticTasks": "off"}'
}

# Start scripts write settings there. A volume hides the image's.
make_user_folder() {
  local folder=${XDG_DATA_HOME:-$HOME/.local/share}/code-server/User
  mkdir --parents -- "$folder" 2>/dev/null || fail "$folder cannot be made"
}

step "VS Code's settings" make_user_folder
step "VS Code" darken_vscode
step "VS Code's trust" guard_vscode
