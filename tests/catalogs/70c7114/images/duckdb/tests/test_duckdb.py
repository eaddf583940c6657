"""DuckDB computes, and has its extension for S3 without asking the network."""

DUCKDB = "/opt/duckdb/bin/duckdb -csv -noheader"


def test_duckdb_computes(host):
    assert host.check_output(f"{DUCKDB} -c 'SELECT sum(range) FROM range(101)'") == "5050"


def test_duckdb_reads_its_own_parquet(host):
    code = "COPY (SELECT 42 AS answer) TO '/tmp/probe.parquet'; FROM '/tmp/probe.parquet'"
    assert host.check_output(f'{DUCKDB} -c "{code}"').splitlines()[-1] == "42"


def test_the_extension_for_s3_loads(host):
    code = "LOAD httpfs; SELECT count(*) FROM duckdb_extensions() WHERE loaded AND install_path"
    assert host.check_output(f"{DUCKDB} -c \"{code} LIKE '/opt/duckdb/%'\"") == "1"


def test_settings_of_the_user_may_use_it(host):
    rc = "CREATE SECRET (TYPE s3, KEY_ID 'a', SECRET 'b');"
    host.check_output(f'mkdir -p /tmp/home && echo "{rc}" > /tmp/home/.duckdbrc')
    code = "SELECT type FROM duckdb_secrets()"
    found = host.check_output(f"env HOME=/tmp/home {DUCKDB} -c '{code}'")
    assert found.splitlines()[-1] == "s3"
