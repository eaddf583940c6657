# shellcheck shell=bash
# What the outside tells, without what a form, a file or a hand leaves around it.

# Addresses, names and switches. What may begin or end with anything (PASSWORD, GIT_USER_NAME,
# PERSONAL_INIT_ARGS, the keys of a Vault secret) stays byte for byte.
readonly _onyxia_settings=(
  HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy PATH_TO_CA_BUNDLE
  REGION_INIT_SCRIPT REGION_INIT_SCRIPT_CHECKSUM PERSONAL_INIT_SCRIPT
  VAULT_ADDR VAULT_MOUNT VAULT_TOP_DIR VAULT_RELATIVE_PATH VAULT_TOKEN VAULT_INJECTION_SA_ENABLED
  VAULT_INJECTION_SA_MODE VAULT_INJECTION_SA_AUTH_PATH VAULT_INJECTION_SA_AUTH_ROLE
  KUBERNETES_NAMESPACE KUBERNETES_SERVICE_ACCOUNT
  AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_DEFAULT_REGION AWS_REGION
  AWS_S3_ENDPOINT AWS_ENDPOINT_URL S3_ENDPOINT AWS_PATH_STYLE_ACCESS AWS_WORKING_DIRECTORY_PATH
  PIP_REPOSITORY CONDA_REPOSITORY R_REPOSITORY PACKAGE_MANAGER_URL
  GIT_REPOSITORY GIT_BRANCH GIT_PERSONAL_ACCESS_TOKEN GIT_TOKEN_HOSTS GIT_TRUST_PROJECT
  GIT_CREDENTIALS_CACHE_DURATION DARK_MODE
)

# Blanks and ends of lines around a value go, then a pair of quotes, and a scheme is written small.
# A value of several lines is no setting, and stays.
tidy_settings() {
  local name
  for name in "${_onyxia_settings[@]}"; do
    tidy "${!name:-}"
    [[ $_onyxia_tidy == "${!name:-}" || $_onyxia_tidy == *[[:cntrl:]]* ]] ||
      session_export "$name" "$_onyxia_tidy"
  done
}

# tidy VALUE: leaves it in _onyxia_tidy.
tidy() {
  local value=$1
  value=${value#"${value%%[![:space:]]*}"}
  value=${value%"${value##*[![:space:]]}"}
  if [[ $value =~ ^\"([^\"]*)\"$ || $value =~ ^\'([^\']*)\'$ ]]; then
    value=${BASH_REMATCH[1]}
  fi
  if [[ $value =~ ^[A-Za-z][A-Za-z0-9+.-]*:// ]]; then
    value=${BASH_REMATCH[0],,}${value#"${BASH_REMATCH[0]}"}
  fi
  _onyxia_tidy=$value
}
