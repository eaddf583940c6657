#!/bin/bash
# Starts a session: onyxia-init.sh COMMAND [ARGUMENT…]
#
# Prepares the session from the environment, one step at a time, then becomes COMMAND. Each step
# says on stderr whether it was done, skipped or failed, and why; a failed one stops nothing.
# The steps are functions of the files in onyxia/, beside this one; report.sh says how they end.

set -o pipefail # and neither -e nor -u: whatever happens, the service starts, if it has a password

_onyxia_library=$(dirname -- "$(readlink --canonicalize -- "$0")")/onyxia

for _onyxia_part in report password quote urls session settings network scripts names vault kubernetes s3 packages git desktop; do
  # shellcheck disable=SC1090 # they are checked themselves
  . "$_onyxia_library/$_onyxia_part.sh"
done

# As PID 1 nothing would reap orphans, and signals without a handler would be lost.
become_init() {
  if [[ $$ -eq 1 ]] && command -v tini >/dev/null; then
    exec tini -- "$0" "$@"
  fi
}

# What other recipes add: each file of init.d may define functions, and calls `step` itself.
run_hooks() {
  local hook
  for hook in "$_onyxia_library"/init.d/*.sh; do
    # shellcheck disable=SC1090
    [[ ! -r $hook ]] || . "$hook"
  done
}

main() {
  become_init "$@"
  refuse_placeholder
  tidy_settings
  know_secrets
  step "session directory" prepare_session_directory
  step "home" prepare_home
  step "work directory" prepare_work_directory
  step "proxies" share_proxies
  step "certificates" trust_certificates
  step "region script" run_region_script
  step "vault" read_vault_secret
  step "kubernetes" name_service_account
  step "S3" prepare_s3
  step "DuckDB" prepare_duckdb
  step "Spark" prepare_spark
  step "Python" prepare_python
  step "pip and uv" prepare_pip
  step "conda" prepare_conda
  step "R repositories" prepare_r
  step "git identity" set_git_identity
  step "git token" keep_git_token
  step "git clone" clone_repository
  step "dark mode" choose_dark_mode
  run_hooks
  step "session environment" write_session_environment
  step "personal script" run_personal_script
  [[ $# -gt 0 ]] || set -- bash -l
  exec -- "$@"
}

main "$@"
