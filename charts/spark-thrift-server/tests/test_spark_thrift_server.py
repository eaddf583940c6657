"""The Thrift server as its chart starts it: what one client writes the next one reads."""

import shlex


def beeline(host, text):
    """What beeline says to a query, a row a line."""
    return host.run(
        "HOME=/tmp /opt/spark/bin/beeline --silent=true --showHeader=false --outputformat=tsv2 "
        f"-u jdbc:hive2://127.0.0.1:10000 -n onyxia -e {shlex.quote(text)} 2>/dev/null"
    )


def test_what_one_client_writes_the_next_one_reads(host):
    text = "create table if not exists kept as select 6 * 7 as answer"
    made = beeline(host, text)
    assert made.rc == 0, made.stdout
    found = beeline(host, "select count(*), max(answer) from kept")
    assert found.stdout.split()[-2:] == ["1", "42"], found.stdout


def test_tables_and_their_names_are_on_the_volume(host):
    folder = "/home/onyxia/work"
    for name in ("warehouse/kept", "metastore_db"):
        assert host.check_output(f"findmnt -n -o TARGET -T {folder}/{name}") == folder
        assert host.file(f"{folder}/{name}").is_directory


def test_its_heap_follows_the_memory(host):
    lines = host.check_output("cat /proc/[0-9]*/cmdline | tr '\\0' '\\n'").splitlines()
    limit = int(host.check_output("printenv MEMORY_LIMIT"))
    assert f"-Xmx{limit * 6 // 10}m" in lines
