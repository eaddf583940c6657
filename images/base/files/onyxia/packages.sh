# shellcheck shell=bash
# Mirrors of packages, and where the user's own go.

# Where the root cannot be written, what pip and uv install goes to the home directory, and every
# Python of the session finds it there. R has a library of the user's there by itself.
prepare_python() {
  local python=${VIRTUAL_ENV:-}/bin/python site
  [[ -n ${VIRTUAL_ENV:-} && -x $python ]] || { skip "there is no Python"; return; }
  [[ ! -w $VIRTUAL_ENV ]] || { skip "$VIRTUAL_ENV can be written"; return; }
  site=$("$python" -c 'import sys; print("lib/python%d.%d/site-packages" % sys.version_info[:2])') ||
    { fail "$python does not run"; return; }
  session_export PIP_PREFIX "$HOME/.local"
  session_export PYTHONPATH "$HOME/.local/$site${PYTHONPATH:+:$PYTHONPATH}"
  session_export PATH "$HOME/.local/bin:$PATH"
  session_file uv.toml < <(jq --raw-output --null-input \
    '"[pip]\nprefix = \(env.PIP_PREFIX | tojson)"') || return
  session_export UV_CONFIG_FILE "$ONYXIA_SESSION/uv.toml"
  note "$PIP_PREFIX"
}

prepare_pip() {
  [[ -n ${PIP_REPOSITORY:-} ]] || { skip "PIP_REPOSITORY is unset"; return; }
  session_export PIP_INDEX_URL "$PIP_REPOSITORY"
  session_export UV_DEFAULT_INDEX "$PIP_REPOSITORY"
}

# conda has no variable for it; its file is YAML, of which JSON is a part.
prepare_conda() {
  [[ -n ${CONDA_REPOSITORY:-} ]] || { skip "CONDA_REPOSITORY is unset"; return; }
  session_file condarc.yml < <(jq --null-input \
    '[env.CONDA_REPOSITORY] | {channels: ., default_channels: .}') || return
  session_export CONDARC "$ONYXIA_SESSION/condarc.yml"
}

# session.R reads them at the start of every R.
prepare_r() {
  [[ -n ${R_REPOSITORY:-}${PACKAGE_MANAGER_URL:-} ]] ||
    { skip "R_REPOSITORY and PACKAGE_MANAGER_URL are unset"; return; }
  [[ -z ${PACKAGE_MANAGER_URL:-} ]] || note "Package Manager"
  [[ -z ${R_REPOSITORY:-} ]] || note "CRAN"
}
