# shellcheck shell=bash
# Mirrors of packages.

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
