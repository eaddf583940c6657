# shellcheck shell=bash disable=SC2154 # other parts set some of what begins with _onyxia
# What a key of a Vault secret may not be called. Who may write a secret must not choose by it what
# runs in a session, whom it trusts, where it sends what is the user's, or who may enter.

# How S3 is entered: a user may keep it in Vault, where the session has no keys of its own.
readonly _onyxia_credentials=(
  AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_DEFAULT_REGION AWS_REGION
)

# What the start of a session and its services read, beside the settings (settings.sh) and what
# begins like the names of a program, below.
readonly _onyxia_read=(
  PASSWORD HASHED_PASSWORD HOME USER LOGNAME TMPDIR WORKSPACE_DIR ROOT_PROJECT_DIRECTORY
  GIT_USER_NAME GIT_USER_MAIL PERSONAL_INIT_ARGS PROJECT_USER PROJECT_GROUP IMAGE_NAME
)

# What bash acts upon and a clean one does not have.
readonly _onyxia_bash_unset=(
  CDPATH CHILD_MAX COLUMNS COMPREPLY COPROC ENV EXECIGNORE FCEDIT FIGNORE FUNCNAME FUNCNEST
  GLOBIGNORE HOSTFILE IGNOREEOF INPUTRC INSIDE_EMACS LANG LANGUAGE LINES MAIL MAILCHECK MAILPATH
  MAPFILE OLDPWD OPTARG POSIXLY_CORRECT PROMPT_COMMAND PROMPT_DIRTRIM PS0 PS1 PS2 PS3 PS4 REPLY
  SHELL TIMEFORMAT TMOUT auto_resume histchars
)
_onyxia_bash_names=()
declare -A _onyxia_taken=()

# Remembers which names are set now, and which are bash's own. What every image says of its user is
# nobody's choice: a secret may have a USERNAME of its own.
learn_names() {
  local name
  _onyxia_taken=()
  while IFS= read -r name; do
    is_among "$name" USERNAME GROUPNAME GID || _onyxia_taken[$name]=1
  done < <(compgen -e)
  mapfile -t _onyxia_bash_names < <(
    env --ignore-environment "$BASH" --norc --noprofile -c 'compgen -v'
  )
}

# is_taken NAME, is_reserved NAME: by what learn_names remembers.
is_taken() {
  [[ -n ${_onyxia_taken[$1]:-} ]]
}

is_reserved() {
  ! may_be_credential "$1" || return
  is_among "$1" "${_onyxia_settings[@]}" "${_onyxia_read[@]}" "${_onyxia_bundles[@]}" \
    "${_onyxia_bash_names[@]}" "${_onyxia_bash_unset[@]}" ||
    acts_by_its_name "$1"
}

is_among() {
  local name=$1 one
  shift
  for one; do
    [[ $one != "$name" ]] || return 0
  done
  return 1
}

# Half of other keys would spoil those that the session has.
may_be_credential() {
  is_among "$1" "${_onyxia_credentials[@]}" && ! is_taken AWS_ACCESS_KEY_ID &&
    ! is_taken AWS_SECRET_ACCESS_KEY
}

# By program, one after the other: bash, the loader and libc, TLS and connections, git and ssh,
# Python, Node and VS Code, Java and Spark, R and documents, other languages, compilers, databases
# and geodata, clouds and clusters, desktops, pagers and editors, other tools; then what many have.
acts_by_its_name() {
  case $1 in
    _onyxia* | ONYXIA_* | BASH* | COMP_* | READLINE_* | HISTCMD | HISTFILE* | HISTSIZE) ;;
    HISTCONTROL | HISTIGNORE | HISTTIMEFORMAT | LC_* | TERM | TERM_* | TERMCAP | TERMINFO* | PATH) ;;
    LD_* | DYLD_* | GCONV_* | GETCONF_DIR | GLIBC_* | MALLOC_* | LOCPATH | NLSPATH | TMP | TEMP) ;;
    TZ | TZDIR | HOSTALIASES | LOCALDOMAIN | RES_OPTIONS | RESOLV_* | TINI_* | LISTEN_[FP]*) ;;
    *_PROXY | *_proxy | SSL_* | SSLKEYLOGFILE | OPENSSL_* | GNUTLS_* | NSS_* | P11_* | KRB5*) ;;
    CURL_* | WGETRC | NETRC | REQUESTS_* | GRPC_* | SASL_PATH | SASL_CONF_PATH) ;;
    GIT_* | SSH_ASKPASS* | SSH_AUTH_SOCK | SSH_AGENT_* | SSH_SK_* | SVN_SSH | GPG_AGENT_INFO | GNUPGHOME) ;;
    PYTHON* | PIP_* | PIPX_* | PIPENV_* | UV_* | POETRY_* | VIRTUAL_ENV* | CONDA* | MAMBA* | PIXI_*) ;;
    IPYTHON* | JUPYTER* | JPY_* | MPLBACKEND | MPLCONFIGDIR | MARIMO_* | NUMBA_* | DASK_*) ;;
    DISTUTILS_* | SETUPTOOLS_*) ;;
    NODE_* | NPM_* | npm_* | PNPM_* | YARN_* | COREPACK_* | ELECTRON_* | DENO_DIR | DENO_TLS_*) ;;
    VSCODE_* | CODE_SERVER* | CS_DISABLE_* | EXTENSIONS_GALLERY) ;;
    JAVA_* | _JAVA_* | JDK_* | JRE_* | JVM_* | CLASSPATH | MAVEN_* | M2_* | GRADLE_* | SBT_*) ;;
    SPARK_* | PYSPARK_* | HADOOP_* | HDFS_* | MAPRED_* | BEELINE_* | HIVE_CONF_DIR | HIVE_AUX_*) ;;
    R_* | _R_* | RSTUDIO* | RENV_* | RETICULATE_* | RSCRIPT* | PANDOC* | TEXINPUTS | TEXMF*) ;;
    QUARTO_PYTHON | QUARTO_R | QUARTO_DENO* | QUARTO_PANDOC | QUARTO_PROFILE | QUARTO_*_PATH) ;;
    JULIA_* | PERL* | RUBY* | GEM_* | BUNDLE_* | BUNDLER_* | LUA_* | PHPRC | PHP_INI* | TCL*PATH) ;;
    GOPATH | GOROOT | GOFLAGS | GOPROXY | GOENV | GODEBUG | GOTOOLCHAIN | GONO* | GOSUMDB) ;;
    GOINSECURE | CARGO_* | RUST_* | RUSTC* | RUSTFLAGS | RUSTUP_* | ERL_*) ;;
    MAKE | MAKEFLAGS | MAKEFILES | CMAKE_* | CCACHE_* | GCC_* | PKG_CONFIG* | CPATH | CC | CXX) ;;
    CPP | FC | CFLAGS | CXXFLAGS | CPPFLAGS | LDFLAGS | LIBRARY_PATH | COMPILER_PATH) ;;
    PSQL* | PGSYSCONFDIR | PGSERVICE* | PGPASSFILE | PGLOCALEDIR | PGOPTIONS | PGSSL* | PGDATA) ;;
    ODBC* | TNS_ADMIN | LIBMYSQL_* | GDAL_* | OGR_* | PROJ_LIB | PROJ_DATA | CUDA_* | NVIDIA_V*) ;;
    AWS_* | S3_ENDPOINT* | MC_HOST_* | MC_CONFIG* | BOTO_* | CLOUDSDK_* | GOOGLE_EXTERNAL_*) ;;
    AZURE_CONFIG_DIR | AZURE_EXTENSION_* | KUBERNETES_* | KUBE* | HELM_* | VAULT_* | DOCKER_TLS*) ;;
    DOCKER_HOST | DOCKER_CONFIG | DOCKER_CONTEXT | DOCKER_CERT_PATH | BUILDAH_* | CONTAINERS_*) ;;
    XDG_* | DBUS_* | DISPLAY | WAYLAND_* | XAUTHORITY | GTK_* | GDK_* | GIO_* | GI_TYPELIB_PATH) ;;
    QT_* | GST_* | SYSTEMD_* | FONTCONFIG_* | MAGICK_*) ;;
    PAGER | MANPAGER | EDITOR | VISUAL | BROWSER | LESS | LESSOPEN | LESSCLOSE | LESSKEY* | VIM) ;;
    VIMINIT | VIMRUNTIME | EXINIT | GVIMINIT | MYVIMRC | EMACS* | ZDOTDIR | FPATH | MANPATH) ;;
    SUDO_* | GREP_* | TAR_OPTIONS | GZIP | XZ_OPT | XZ_DEFAULTS | ZIPOPT | UNZIP | LS_COLORS | JQ_*) ;;
    HGRCPATH | MLFLOW_TRACKING_INSECURE* | HF_ENDPOINT | SOCKS_* | DEBUGINFOD_URLS | ANSIBLE_*) ;;
    AWKPATH | AWKLIBPATH | BC_ENV_ARGS | SCREENRC | TMUX* | DIRENV_* | FZF_* | RCLONE_CONFIG) ;;
    DOTNET_* | CORECLR_* | COMPlus_* | MONO_* | OCAML* | GHC_* | DJANGO_SETTINGS_MODULE | FLASK_APP) ;;
    GUNICORN_CMD_ARGS | PLAYWRIGHT_* | CHROME_*) ;;
    *_ASKPASS | *_RSH | *_EDITOR | *_PAGER | *_BROWSER | *_COMMAND | *_HOME | *_OPTIONS | *_OPTS) ;;
    *_PRELOAD | *_PLUGINS | *_STARTUP | *_EXECUTABLE | *_CONFIG_FILE | *_CONFIG_DIR) ;;
    *_CA_BUNDLE | *_CAFILE | *_CERT_FILE | *_CERT_DIR | *_LIBRARY_PATH | *_MODULE_PATH) ;;
    *_LOAD_PATH | *_PLUGIN_PATH | *_DRIVER_PATH) ;;
    *) false ;;
  esac
}
