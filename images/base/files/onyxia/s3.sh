# shellcheck shell=bash
# S3, for every program that a session has. Keys stay in the environment, where the AWS CLI, boto3,
# s3fs, paws, aws.s3 and Spark look for them; files hold what has no variable.

prepare_s3() {
  local url host style
  [[ -n ${AWS_SESSION_TOKEN:-} ]] || unset AWS_SESSION_TOKEN # an empty one would be sent
  if ! has_s3; then
    skip "AWS_ACCESS_KEY_ID, AWS_S3_ENDPOINT and AWS_ENDPOINT_URL are unset"
    return
  fi
  url=$(s3_url)
  if [[ -n $url ]]; then
    [[ $url =~ ^https?:// ]] || { fail "the endpoint is not an http(s) URL"; return; }
    host=$(s3_host)
    [[ ${AWS_ENDPOINT_URL:-} == *://* && $AWS_ENDPOINT_URL != *@* ]] ||
      session_export AWS_ENDPOINT_URL "$url"
    [[ -n ${S3_ENDPOINT:-} ]] || session_export S3_ENDPOINT "$url"
    # Without scheme and path: so aws.s3 and GDAL want it.
    [[ -n ${AWS_S3_ENDPOINT:-} && $AWS_S3_ENDPOINT != *[/@]* ]] ||
      session_export AWS_S3_ENDPOINT "$host"
    [[ -n ${AWS_DEFAULT_REGION:-} ]] || session_export AWS_DEFAULT_REGION us-east-1
    # Rust's object_store, which polars and delta-rs use; GDAL.
    [[ $url == https://* ]] || { session_export AWS_ALLOW_HTTP true; session_export AWS_HTTPS NO; }
    name_s3_for_mc "${url%%://*}" "$host"
    note "$host"
  fi
  [[ -z ${AWS_DEFAULT_REGION:-} || -n ${AWS_REGION:-} ]] || session_export AWS_REGION "$AWS_DEFAULT_REGION"
  style=$(s3_style) || { fail "AWS_PATH_STYLE_ACCESS is neither true nor false"; return; }
  [[ -z $style ]] || choose_s3_style "$style"
}

has_s3() {
  [[ -n ${AWS_ACCESS_KEY_ID:-}${AWS_S3_ENDPOINT:-}${AWS_ENDPOINT_URL:-} ]]
}

# Where S3 is, with its scheme and without a user; nothing where it is Amazon's.
s3_url() {
  local url=${AWS_ENDPOINT_URL:-${AWS_S3_ENDPOINT:-}}
  [[ -z $url || $url == *://* ]] || url=https://$url
  without_user "$url"
}

# The same without scheme and last slash: what aws.s3, DuckDB and GDAL want.
s3_host() {
  local host
  host=$(s3_url)
  host=${host#*://}
  printf '%s' "${host%/}"
}

# `path`, `virtual`, or nothing where the program decides.
s3_style() {
  case ${AWS_PATH_STYLE_ACCESS,,} in
    true | 1 | yes) printf 'path' ;;
    false | 0 | no) printf 'virtual' ;;
    "") ;;
    *) return 1 ;;
  esac
}

# boto3 and the AWS CLI read it from a file alone. A user who has one keeps it.
choose_s3_style() {
  local virtual=false
  [[ $1 != virtual ]] || virtual=true
  session_export AWS_VIRTUAL_HOSTED_STYLE_REQUEST "$virtual"
  session_export AWS_VIRTUAL_HOSTING "${virtual^^}"
  note "$1 style"
  if [[ -n ${AWS_CONFIG_FILE:-} || -e ${HOME:-}/.aws/config ]]; then
    note "but as ${AWS_CONFIG_FILE:-~/.aws/config} says for boto3 and the AWS CLI"
    return
  fi
  session_file aws-config <<<"[default]
s3 =
    addressing_style = $1" || return
  session_export AWS_CONFIG_FILE "$ONYXIA_SESSION/aws-config"
}

# name_s3_for_mc SCHEME HOST. mc takes the keys as they stand, up to a colon, and decodes nothing.
name_s3_for_mc() {
  local key=${AWS_ACCESS_KEY_ID:-} password=${AWS_SECRET_ACCESS_KEY:-} token=${AWS_SESSION_TOKEN:-}
  [[ -n $key && -n $password ]] || return 0
  if [[ $key$password == *:* || $key$password$token == *$'\n'* ]]; then
    note "not for mc, which has no way to be told these keys"
    return
  fi
  session_export MC_HOST_s3 "$1://$key:$password${token:+:$token}@$2"
}

# --- DuckDB --------------------------------------------------------------------------------------

# A secret that every DuckDB of the user loads: the command line's, Python's and R's.
prepare_duckdb() {
  local file output kept=${HOME:-}/.duckdb/stored_secrets/onyxia_s3.duckdb_secret
  link_duckdb_extensions
  has_s3 || { skip "there is no S3"; return; }
  s3_style >/dev/null || { fail "AWS_PATH_STYLE_ACCESS is neither true nor false"; return; }
  session_file duckdb.sql < <(duckdb_secret) || return
  file=$ONYXIA_SESSION/duckdb.sql
  duckdb_runner || { skip "no DuckDB here; $file is for one that comes"; return; }
  # Nothing is downloaded at the start of a session: a recipe with DuckDB brings its httpfs.
  output=$(timeout 60 "${_onyxia_duckdb[@]}" < <(
    printf 'SET autoinstall_known_extensions = false;\n'
    cat -- "$file"
  ) 2>&1)
  local status=$?
  # DuckDB refuses a secret that others may read, and with it every other one.
  if [[ -e $kept && $(stat --format=%a -- "$kept") != 600 ]]; then
    rm --force -- "$kept"
    fail "$HOME keeps no modes, so that DuckDB would refuse a secret there; $file makes one by hand"
    return
  fi
  [[ $status -eq 0 ]] ||
    fail "$(grep --max-count=1 -e Error <<<"$output" || head --lines=1 <<<"$output")"
}

# Python's and R's DuckDB look for extensions in the home directory alone, which a volume may hide.
# What a user has there stays. Some volumes have no links.
link_duckdb_extensions() {
  local library=/opt/duckdb/extensions file link
  for file in "$library"/*/*/*.duckdb_extension; do
    link=${HOME:-}/.duckdb/extensions/${file#"$library/"}
    if [[ -e $file && ! -e $link ]]; then
      mkdir --parents -- "${link%/*}" &&
        { ln --symbolic --force -- "$file" "$link" || cp -- "$file" "$link"; }
    fi
  done 2>/dev/null
}

duckdb_secret() {
  local style
  style=$(s3_style)
  printf 'CREATE OR REPLACE PERSISTENT SECRET onyxia_s3 (TYPE s3'
  sql_option KEY_ID "${AWS_ACCESS_KEY_ID:-}"
  sql_option SECRET "${AWS_SECRET_ACCESS_KEY:-}"
  sql_option SESSION_TOKEN "${AWS_SESSION_TOKEN:-}"
  sql_option REGION "${AWS_DEFAULT_REGION:-}"
  sql_option ENDPOINT "$(s3_host)"
  sql_option URL_STYLE "${style/virtual/vhost}"
  [[ $(s3_url) != http://* ]] || printf ', USE_SSL false'
  printf ');\n'
}

sql_option() {
  [[ -z $2 ]] || printf ', %s %s' "$1" "$(quote_sql "$2")"
}

# Which program runs SQL from stdin, if one is here.
duckdb_runner() {
  local python='import sys, duckdb; duckdb.execute(sys.stdin.read())'
  local r='con <- DBI::dbConnect(duckdb::duckdb()); for (sql in strsplit(paste(readLines(file("stdin")), collapse = "\n"), ";\n")[[1]]) DBI::dbExecute(con, sql)'
  if command -v duckdb >/dev/null; then
    _onyxia_duckdb=(duckdb -batch -bail -init /dev/null :memory:)
  elif python3 -c 'import importlib.util as u; assert u.find_spec("duckdb")' 2>/dev/null; then
    _onyxia_duckdb=(python3 -c "$python")
  elif Rscript --vanilla -e 'q(status = !nzchar(system.file(package = "duckdb")))' 2>/dev/null; then
    _onyxia_duckdb=(Rscript --vanilla -e "$r")
  else
    return 1
  fi
}

# --- Spark ---------------------------------------------------------------------------------------

# Spark takes the keys from the environment itself. What the image or the chart configures comes
# after ours in the file, and so wins.
prepare_spark() {
  local own=${SPARK_CONF_DIR:-${SPARK_HOME:-}/conf} style
  has_s3 || { skip "there is no S3"; return; }
  [[ -n ${SPARK_HOME:-} ]] || { skip "there is no Spark"; return; }
  style=$(s3_style) || { fail "AWS_PATH_STYLE_ACCESS is neither true nor false"; return; }
  [[ $own != "${ONYXIA_SESSION:-}/spark" ]] || own=$SPARK_HOME/conf
  session_file spark/spark-defaults.conf < <(
    spark_defaults "$style"
    cat -- "$own/spark-defaults.conf" 2>/dev/null
  ) || return
  find "$own/" -mindepth 1 -maxdepth 1 ! -name spark-defaults.conf \
    -exec cp --recursive --target-directory="$ONYXIA_SESSION/spark" -- {} + 2>/dev/null
  session_export SPARK_CONF_DIR "$ONYXIA_SESSION/spark"
  note "$SPARK_CONF_DIR"
}

spark_defaults() {
  local url
  url=$(s3_url)
  if [[ -n $url ]]; then
    printf 'spark.hadoop.fs.s3a.endpoint %s\n' "$(quote_property "$url")"
    printf 'spark.hadoop.fs.s3a.connection.ssl.enabled %s\n' "$([[ $url == https://* ]] && echo true || echo false)"
  fi
  [[ -z ${AWS_DEFAULT_REGION:-} ]] ||
    printf 'spark.hadoop.fs.s3a.endpoint.region %s\n' "$(quote_property "$AWS_DEFAULT_REGION")"
  case $1 in
    path) echo 'spark.hadoop.fs.s3a.path.style.access true' ;;
    virtual) echo 'spark.hadoop.fs.s3a.path.style.access false' ;;
  esac
  echo 'spark.hadoop.fs.s3.impl org.apache.hadoop.fs.s3a.S3AFileSystem'
}
