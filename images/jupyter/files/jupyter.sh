# shellcheck shell=bash
# A hook of onyxia-init.sh, whose functions it uses.

# Only where the user has not chosen a theme; what the user chose stays.
darken_jupyterlab() {
  local settings=$HOME/.jupyter/lab/user-settings/@jupyterlab/apputils-extension
  [[ ${DARK_MODE:-} == true ]] || { skip "DARK_MODE is not true"; return; }
  merge_json "$settings/themes.jupyterlab-settings" '{"theme": "JupyterLab Dark"}'
}

# Jupyter refuses to write keys of its kernels where others may read them, as on a volume that keeps
# no modes. They are of this session alone.
place_runtime() {
  [[ -z ${JUPYTER_RUNTIME_DIR:-} ]] || { skip "JUPYTER_RUNTIME_DIR is set"; return; }
  [[ -n ${ONYXIA_SESSION:-} ]] || { skip "there is no session directory"; return; }
  session_export JUPYTER_RUNTIME_DIR "$ONYXIA_SESSION/jupyter"
  note "$JUPYTER_RUNTIME_DIR"
}

# Start scripts append to the settings in it. A volume hides the image's.
make_settings_folder() {
  mkdir --parents -- "$HOME/.jupyter" 2>/dev/null || fail "$HOME/.jupyter cannot be made"
}

step "Jupyter's settings" make_settings_folder
step "Jupyter's runtime" place_runtime
step "JupyterLab" darken_jupyterlab
