# shellcheck shell=bash
# A hook of onyxia-init.sh, whose functions it uses.

# Only where the user has not chosen a theme; what the user chose stays.
darken_jupyterlab() {
  local settings=$HOME/.jupyter/lab/user-settings/@jupyterlab/apputils-extension
  [[ ${DARK_MODE:-} == true ]] || { skip "DARK_MODE is not true"; return; }
  merge_json "$settings/themes.jupyterlab-settings" '{"theme": "JupyterLab Dark"}'
}

step "JupyterLab" darken_jupyterlab
