"""MariaDB: who may enter, what a restart keeps, and that any uid may run it."""

import shlex

import pytest

START = "dumb-init --single-child /opt/mariadb/start"
DATA = "/var/lib/mariadb/data/mariadb"
ADDRESSES = ["127.0.0.1", "$(hostname -i)"]


@pytest.fixture(scope="module", autouse=True)
def server(host, wait_for):
    """The server that the container runs."""
    wait_for("MariaDB", lambda: query(host, "select 1").rc == 0)


def query(host, text, *, at="127.0.0.1", user="mariadb", password='"$PASSWORD"', options=""):
    """What the client makes of a query. `password` is read by the shell, so that none is here."""
    return host.run(
        f"MYSQL_PWD={password} mariadb -N -B --skip-ssl-verify-server-cert -h {at} -u {user} "
        f"{options} -e {shlex.quote(text)}"
    )


@pytest.fixture
def other(second_server):
    """A server by a uid that a cluster chose, with odd names; it is not started yet."""
    names = {"MARIADB_USER": "odd: nä'me", "MARIADB_DATABASE": "d'ata_ `%"}
    return second_server(
        f"{START} --port=3307 --socket={{folder}}/socket",
        port=3307,
        ready="mariadb-admin --skip-ssl --port=3307 -h 127.0.0.1 ping",
        environment={"MARIADB_DATA": "{folder}/data", **names},
    )


def ask(other, text, *, user="$MARIADB_USER", options="", **more):
    """What the second server says to its user or another, on its database."""
    return other.run(
        'MYSQL_PWD="$PASSWORD" mariadb -N -B --skip-ssl-verify-server-cert -h 127.0.0.1 -P 3307 '
        f'-u "{user}" {options} -e {shlex.quote(text)} "$MARIADB_DATABASE"',
        **more,
    )


def test_mariadb_is_the_version_of_the_lock(host, facts):
    version = facts["versions"]["mariadb"]
    assert query(host, "select version()").stdout.startswith(f"{version}-")
    assert version.startswith(f"{facts['axes']['mariadb']}.")


def test_it_runs_as_the_user(host, checks):
    checks.runs_as_the_user(host, "mariadbd", DATA)


def test_packages_of_debian_are_installed_and_their_lists_are_gone(host, facts, checks):
    checks.packages_of_debian_leave_nothing_else(host, facts["packages"]["apt"])


@pytest.mark.parametrize("at", [*ADDRESSES, "localhost"])
@pytest.mark.parametrize("user", ["mariadb", "root"])
def test_the_password_opens_it_everywhere(host, at, user):
    found = query(host, "select 41 + 1", at=at, user=user)
    assert found.stdout == "42\n", found.stderr


@pytest.mark.parametrize("at", [*ADDRESSES, "localhost"])
def test_a_wrong_password_is_refused(host, at):
    for user in ("mariadb", "root"):
        for password in ("wrong", "", '"$PASSWORD "'):
            found = query(host, "select 1", at=at, user=user, password=password)
            assert found.rc == 1, (user, password)
            assert "ERROR 1045 (28000): Access denied" in found.stderr


@pytest.mark.parametrize("at", [*ADDRESSES, "localhost"])
def test_there_is_nobody_without_a_password(host, at):
    for user in ("''", "mysql", "mariadb.sys"):
        found = query(host, "select 1", at=at, user=user, password="")
        assert "Access denied" in found.stderr, user


def test_the_user_owns_its_database_and_no_other(host):
    made = query(host, "create table defaultdb.x (i int); drop table defaultdb.x")
    assert made.rc == 0, made.stderr
    for text in ("create database other", "select * from mysql.global_priv", "set global x = 1"):
        assert query(host, text).rc == 1
    assert query(host, "create database other; drop database other", user="root").rc == 0


def test_only_these_may_enter(host):
    found = query(host, "select user, host from mysql.global_priv order by 1, 2", user="root")
    accounts = found.stdout.splitlines()
    assert accounts == [
        "mariadb\t%", "mariadb.sys\tlocalhost", "root\t%", "root\tlocalhost",
    ]  # fmt: skip
    locked = "select json_value(priv, '$.account_locked') from mysql.global_priv where user = "
    assert query(host, f"{locked}'mariadb.sys'", user="root").stdout == "1\n"


def test_texts_are_of_every_language(host):
    assert query(host, "select upper('é€'), @@character_set_server").stdout == "É€\tutf8mb4\n"


def test_half_of_the_memory_is_for_pages(host):
    """Of the container, or of the machine where it has no limit."""
    size = int(query(host, "select @@innodb_buffer_pool_size").stdout)
    limit = host.check_output(". /opt/onyxia/service.sh; memory_limit")
    assert abs(size - int(limit) * 2**20 / 2) < 2**28


def test_who_connects_is_offered_tls(host):
    cipher = "show session status like 'Ssl_cipher'"
    assert query(host, cipher, options="--ssl").stdout.split()[1].startswith("TLS_")
    assert query(host, cipher, options="--skip-ssl").stdout == "Ssl_cipher\t\n"


def test_nobody_else_reads_the_key(host):
    assert host.check_output(f"stat -c '%a %u' {DATA}.tls {DATA}.tls/made.key") == (
        "700 1000\n600 1000"
    )


def test_any_uid_makes_data_and_finds_them_again(other):
    # What a first start that was killed left.
    other.host.check_output(f"mkdir -p {other.folder}/data.new/mysql")
    other.start()
    made = ask(other, "create table kept as select 42 as answer; select current_user()")
    assert made.stdout == "odd: nä'me@%\n", made.stderr
    other.stop()
    other.start()
    assert ask(other, "select answer from kept").stdout == "42\n"
    assert "Starting crash recovery" not in other.said
    left = other.host.check_output(f"ls {other.folder}").split()
    assert set(left) <= {"data", "data.tls", "data.pid", "log", "pid", "socket"}


def test_accounts_that_others_left_without_a_password_go(other):
    other.start()
    made = ask(other, "create user root@'10.9.9.9'; create user ''@'%'", user="root")
    assert made.rc == 0, made.stderr
    other.stop()
    other.start()
    left = "select count(*) from mysql.global_priv where user = '' or host = '10.9.9.9'"
    assert ask(other, left, user="root").stdout == "0\n"


def test_a_killed_container_is_followed_by_another(other):
    other.start()
    ask(other, "create table kept as select 42 as answer")
    other.host.check_output(f"kill -KILL $(cat {other.folder}/data.pid)")
    other.wait_until_ended()
    other.start()
    assert ask(other, "select answer from kept").stdout == "42\n"


def test_a_changed_password_holds(other):
    new = 'it\'s "new"; \\ $(id) é `x`'
    other.start()
    other.stop()
    other.start(PASSWORD=new)
    assert ask(other, "select 1").rc == 1
    assert ask(other, "select 1", PASSWORD=new).stdout == "1\n"


def test_who_does_without_tls_is_refused_where_it_is_required(other):
    other.start(TLS_REQUIRED="true")
    assert "Access denied" in ask(other, "select 1", options="--skip-ssl").stderr
    assert ask(other, "select 1", options="--ssl").stdout == "1\n"
    other.stop()
    other.start()
    assert ask(other, "select 1", options="--skip-ssl").stdout == "1\n"


def test_a_given_certificate_is_used(other):
    given = f"{other.folder}/given"
    other.host.check_output(
        f"mkdir {given} && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc "
        f"-days 9 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 "
        f"-keyout {given}/tls.key -out {given}/tls.crt "
        # As a Secret is mounted.
        f"&& chmod 0444 {given}/tls.key"
    )
    other.start(TLS_DIRECTORY=given)
    seen = ask(other, "select 1", options=f"--ssl-verify-server-cert --ssl-ca={given}/tls.crt")
    assert seen.stdout == "1\n", seen.stderr


def test_the_password_stands_on_no_command_line_and_in_no_file(other, facts, checks):
    other.start()
    checks.password_is_on_no_command_line(other.host, "mariadbd", facts["password"])
    held = other.host.run(f"grep -rl {shlex.quote(facts['password'])} {other.folder}")
    assert held.stdout == ""


def test_it_says_why_it_does_not_start(other):
    assert other.refuse(PASSWORD="") == "start: PASSWORD is unset, and nobody could enter\n"
    assert other.refuse(PASSWORD="two\nlines") == "start: PASSWORD has a line break in it\n"
    said = other.refuse(MARIADB_USER="root")
    assert said == "start: MARIADB_USER is 'root', which the server has for itself\n"
    assert "cannot be written by uid 12345" in other.refuse(MARIADB_DATA="/usr/data")
    other.host.check_output(f"mkdir -p {other.folder}/data/mysql")
    other.host.check_output(f"echo 99.1.0-MariaDB > {other.folder}/data/mariadb_upgrade_info")
    assert "has data of MariaDB 99.1, and this is" in other.refuse()


def test_a_dump_is_restored_into_an_empty_server(host, other):
    """As the page of the chart says."""
    query(host, "create table defaultdb.kept as select 42 as answer", user="root")
    dump = 'MYSQL_PWD="$PASSWORD" mariadb-dump --skip-ssl-verify-server-cert -h 127.0.0.1'
    host.check_output(f"{dump} -u mariadb --single-transaction defaultdb > /tmp/dump.sql")
    other.start()
    restored = other.run(
        'MYSQL_PWD="$PASSWORD" mariadb --skip-ssl-verify-server-cert -h 127.0.0.1 -P 3307 '
        '-u "$MARIADB_USER" "$MARIADB_DATABASE" < /tmp/dump.sql'
    )
    assert restored.rc == 0, restored.stderr
    assert ask(other, "select answer from kept").stdout == "42\n"


@pytest.mark.last
def test_sigterm_ends_it_with_its_clients(host, wait_for):
    host.check_output(
        '{ MYSQL_PWD="$PASSWORD" nohup mariadb -h 127.0.0.1 -u mariadb '
        '--skip-ssl-verify-server-cert -e "select sleep(600)" > /dev/null 2>&1 & }'
    )
    host.run("kill -TERM 1")
    wait_for("the container has ended", lambda: host.run("true").rc != 0, seconds=20)
