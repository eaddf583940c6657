"""PostgreSQL: who may enter, what a restart keeps, and that any uid may run it."""

import os
import shlex
import time
import uuid

import pytest
import testinfra

START = "dumb-init --single-child --rewrite 15:2 /opt/postgresql/start"
WRONG = ("password authentication failed", "no password supplied")


def wait(host, condition):
    """Wait until a command succeeds."""
    end = time.monotonic() + 60
    while host.run(condition).rc != 0:
        assert time.monotonic() < end, condition
        time.sleep(0.2)


@pytest.fixture(scope="module", autouse=True)
def server(host):
    """The server that the container runs."""
    wait(host, "pg_isready --quiet --host=127.0.0.1")


def query(host, text, *, at="127.0.0.1", password='"$PASSWORD"'):
    """What psql makes of a query. `password` is read by the shell, so that none is written here."""
    return host.run(f"PGPASSWORD={password} psql -XAtq -h {at} -U postgres -c {shlex.quote(text)}")


class Other:
    """A server of its own beside that one, on data of its own, by a uid that a cluster chose."""

    port = 5433
    user = "odd: näme #"
    database = 'd\'ata "base"'

    def __init__(self, group):
        self.host = testinfra.get_host(
            os.environ["BUILDER_HOST"].replace("://", f"://12345:{group}@")
        )
        self.folder = f"/tmp/other-{uuid.uuid4().hex[:8]}"
        self.data = f"{self.folder}/pgdata"
        self.log = f"{self.folder}/log"
        # What a first start that was killed left.
        self.host.check_output(f"mkdir -p {self.data}.new && touch {self.data}.new/PG_VERSION")

    def environment(self, **more):
        names = {"PGDATA": self.data, "PGUSER": self.user, "PGDATABASE": self.database, **more}
        return " ".join(f"{key}={shlex.quote(value)}" for key, value in names.items())

    def run(self, **more):
        """Start it in the foreground, where it is to refuse."""
        return self.host.run(f"env {self.environment(**more)} {START} -p {self.port}")

    def start(self, **more):
        options = f"-p {self.port} -c unix_socket_directories={self.folder}"
        self.host.check_output(
            f"{{ nohup env {self.environment(**more)} {START} {options} > {self.log} 2>&1 & "
            f"echo $! > {self.folder}/pid; }}"
        )
        return self

    def ready(self):
        ready = f"pg_isready --quiet --username=x --host=127.0.0.1 --port={self.port}"
        wait(self.host, f"{ready} || ! kill -0 $(cat {self.folder}/pid)")
        assert self.host.run(ready).rc == 0, self.host.file(self.log).content_string
        return self

    def stop(self):
        """End it as a cluster does; a client that stays does not keep it."""
        self.host.check_output(f"kill -TERM $(cat {self.folder}/pid)")
        self.gone()

    def gone(self):
        wait(self.host, f"! kill -0 $(cat {self.folder}/pid)")

    def query(self, text, **more):
        environment = self.environment(**more)
        command = f'env PGPASSWORD="$PASSWORD" {environment} psql -XAtq -h 127.0.0.1'
        return self.host.run(f"{command} -p {self.port} -c {shlex.quote(text)}")


@pytest.fixture(params=["0", "100"])
def other(request):
    """Such a server, which is not started yet."""
    found = Other(request.param)
    yield found
    if found.host.run(f"kill -TERM $(cat {found.folder}/pid)").rc == 0:
        found.gone()
    found.host.check_output(f"rm -rf {found.folder}")


def test_postgresql_is_the_version_of_the_lock(host, facts):
    version = facts["versions"]["postgresql"]
    assert query(host, "show server_version").stdout.split()[0] == version
    assert version.startswith(f"{facts['axes']['postgresql']}.")


def test_it_runs_as_the_user(host):
    assert host.check_output("id -u; id -g; stat -c %a /var/lib/postgresql/data/pgdata") == (
        "1000\n100\n700"
    )
    owners = host.check_output("stat -c %u $(grep -lx postgres /proc/[0-9]*/comm)")
    assert set(owners.splitlines()) == {"1000"}


def test_packages_of_debian_are_installed_and_their_lists_are_gone(host, facts):
    for name in facts["packages"]["apt"]:
        assert host.package(name).is_installed
    left = "find /var/lib/apt/lists /var/cache/apt /var/log /run/secrets -type f -size +0"
    assert not host.check_output(f"{left} 2>/dev/null || true")


@pytest.mark.parametrize("at", ["127.0.0.1", "$(hostname -i)", "/run/postgresql"])
def test_the_password_opens_it_everywhere(host, at):
    found = query(host, "select sum(i) from generate_series(1, 100) i", at=at)
    assert found.stdout == "5050\n", found.stderr


@pytest.mark.parametrize("at", ["127.0.0.1", "$(hostname -i)", "/run/postgresql"])
@pytest.mark.parametrize("password", ["wrong", "", '"$PASSWORD "'])
def test_a_wrong_password_is_refused(host, at, password):
    found = query(host, "select 1", at=at, password=password)
    assert found.rc == 2
    assert any(words in found.stderr for words in WRONG), found.stderr


def test_a_password_is_kept_as_a_hash(host):
    found = query(host, "select rolname, rolpassword from pg_authid where rolcanlogin")
    assert found.stdout.startswith("postgres|SCRAM-SHA-256$")
    assert len(found.stdout.splitlines()) == 1


def test_texts_are_of_every_language(host):
    found = query(host, "show server_encoding; show lc_collate; select upper('é'), 'ß€'")
    if found.rc != 0:  # a setting until 15
        found = query(host, "show server_encoding; select datcollate from pg_database limit 1")
    assert found.stdout.splitlines()[:2] == ["UTF8", "C.UTF-8"]
    assert query(host, "select upper('é€')").stdout == "É€\n"


def test_any_uid_makes_data_and_finds_them_again(other):
    other.start().ready()
    assert other.query("select current_user, current_database()").stdout == (
        f"{other.user}|{other.database}\n"
    )
    other.query("create table kept as select 42 as answer")
    # A client that stays: the server would wait for it.
    other.host.check_output(
        f'{{ nohup env PGPASSWORD="$PASSWORD" {other.environment()} psql -h 127.0.0.1 '
        f"-p {other.port} -c 'select pg_sleep(600)' > /dev/null 2>&1 & }}"
    )
    wait(other.host, f"grep -qs . {other.data}/postmaster.pid")
    other.stop()
    assert "received fast shutdown request" in other.host.file(other.log).content_string
    # As a cluster leaves a volume that it gives to a group.
    other.host.check_output(f"chmod 2770 {other.data}")
    other.start().ready()
    assert other.query("select answer from kept").stdout == "42\n"
    assert "not properly shut down" not in other.host.file(other.log).content_string
    left = other.host.check_output(f"ls {other.folder}").split()
    assert sorted(left) == ["log", "pgdata", "pgdata.tls", "pid"]


@pytest.mark.parametrize("other", ["0"], indirect=True)
def test_a_killed_container_is_followed_by_another(other):
    other.start().ready()
    other.query("create table kept as select 42 as answer")
    other.host.check_output(f"kill -KILL $(head -n 1 {other.data}/postmaster.pid)")
    other.gone()
    # In the next container that number is somebody else's.
    other.host.check_output(
        f"{{ nohup sleep 600 > /dev/null 2>&1 & sed -i 1s/.*/$!/ {other.data}/postmaster.pid; }}"
    )
    other.start().ready()
    assert other.query("select answer from kept").stdout == "42\n"


SUPERUSER = "select rolsuper from pg_roles where rolname = current_user"


@pytest.mark.parametrize("other", ["0"], indirect=True)
def test_the_user_owns_the_database_and_postgres_may_do_everything(other):
    as_postgres = {"PGUSER": "postgres", "PGPASSWORD": "of'all"}
    other.start(SUPERUSER_PASSWORD="of'all").ready()
    assert other.query(SUPERUSER).stdout == "f\n"
    made = other.query("create schema own; create table own.kept as select 42 as answer")
    assert made.rc == 0, made.stderr
    refused = other.query("create role another superuser")
    assert refused.rc == 1, refused.stdout
    assert "superuser" in refused.stderr or "permission denied" in refused.stderr
    assert other.query(SUPERUSER, **as_postgres).stdout == "t\n"
    assert other.query("select 1", PGUSER="postgres").rc == 2  # by the password of the user
    other.stop()
    other.start(SUPERUSER_PASSWORD="new").ready()
    assert other.query("select 1", **as_postgres).rc == 2
    as_postgres["PGPASSWORD"] = "new"
    assert other.query("select answer from own.kept", **as_postgres).stdout == "42\n"


@pytest.mark.parametrize("other", ["0"], indirect=True)
def test_nobody_enters_as_the_superuser_without_a_password_for_it(other):
    other.start().ready()
    assert other.query("select 1", PGUSER="postgres").rc == 2


@pytest.mark.parametrize("other", ["0"], indirect=True)
def test_data_of_a_user_who_was_the_only_one_are_kept(other):
    """As images made them before: the first user was the superuser, and there was no `postgres`."""
    other.host.check_output(
        f"rm -rf {other.data}.new && {{ echo x; }} | LD_PRELOAD=libnss_wrapper.so "
        f"NSS_WRAPPER_PASSWD={other.folder}/passwd NSS_WRAPPER_GROUP={other.folder}/group sh -euc '"
        f'echo "p:x:$(id -u):$(id -g):p:/tmp:/bin/sh" > {other.folder}/passwd; '
        f'echo "p:x:$(id -g):" > {other.folder}/group; umask 0077; '
        f"initdb --pgdata={other.data} --username=ann --pwfile=/dev/stdin --auth=scram-sha-256 "
        "--encoding=UTF8 --locale=C.UTF-8 > /dev/null; "
        f'echo "host all all all scram-sha-256" >> {other.data}/pg_hba.conf; '
        'printf "%s\n\n" "create database held;" '
        f"| postgres --single -j -D {other.data} postgres > /dev/null; "
        'printf "%s\n\n" "create table kept as select 42 as answer;" '
        f"| postgres --single -j -D {other.data} held > /dev/null'"
    )
    other.user, other.database = "ann", "held"
    for _ in range(2):
        other.start(SUPERUSER_PASSWORD="of-all", EXTENSIONS="postgis").ready()
        assert other.query(SUPERUSER).stdout == "t\n"
        assert other.query("select answer from kept").stdout == "42\n"
        as_postgres = {"PGUSER": "postgres", "PGPASSWORD": "of-all"}
        assert other.query(SUPERUSER, **as_postgres).stdout == "t\n"
        other.stop()


@pytest.mark.parametrize("other", ["0"], indirect=True)
def test_extensions_are_made_and_stay(other, facts):
    names = ["pgaudit", "postgis"]
    if facts["axes"]["debian"] != "12":
        names.append("vector")
    other.start(SUPERUSER_PASSWORD="of-all").ready()
    loaded = "alter system set shared_preload_libraries = 'auto_explain'"
    other.query(loaded, PGUSER="postgres", PGPASSWORD="of-all")
    other.stop()
    other.start(EXTENSIONS=" ".join(names), SUPERUSER_PASSWORD="of-all").ready()
    made = "select extname from pg_extension where extname <> 'plpgsql' order by 1"
    assert other.query(made).stdout.split() == names
    assert other.query("select st_distance('POINT(0 0)', 'POINT(3 4)')").stdout == "5\n"
    if "vector" in names:
        assert other.query("select '[1,2]'::vector <-> '[4,6]'").stdout == "5\n"
    other.query("alter system set pgaudit.log = 'ddl'", PGUSER="postgres", PGPASSWORD="of-all")
    other.stop()
    other.start().ready()
    assert other.query(made).stdout.split() == names
    loaded = other.query("show shared_preload_libraries", PGUSER="postgres", PGPASSWORD="of-all")
    assert loaded.stdout == "auto_explain,pgaudit\n"
    assert other.query("create table watched (i int)").rc == 0
    assert "AUDIT: SESSION" in other.host.file(other.log).content_string


@pytest.mark.parametrize("other", ["0"], indirect=True)
def test_a_changed_password_holds(other):
    new = 'it\'s "new"; \\ $(id) é'
    other.start().ready().stop()
    other.start(PASSWORD=new).ready()
    assert other.query("select 1").rc == 2
    assert other.query("select 1", PGPASSWORD=new).stdout == "1\n"


ENCRYPTED = "select ssl from pg_stat_ssl where pid = pg_backend_pid()"


@pytest.mark.parametrize("at", ["127.0.0.1", "$(hostname -i)"])
def test_who_connects_is_offered_tls(host, at):
    assert query(host, ENCRYPTED, at=at).stdout == "t\n"


def test_nobody_else_reads_the_key(host):
    folder = "/var/lib/postgresql/data/pgdata.tls"
    assert host.check_output(f"stat -c '%a %u' {folder} {folder}/made.key") == "700 1000\n600 1000"


@pytest.mark.parametrize("other", ["0"], indirect=True)
def test_who_does_without_tls_is_refused_where_it_is_required(other):
    off = {"PGSSLMODE": "disable"}
    other.start().ready()
    assert other.query(ENCRYPTED, **off).stdout == "f\n"
    certificate = other.host.check_output(f"cat {other.data}.tls/made.crt")
    other.stop()
    other.start(TLS_REQUIRED="true").ready()
    found = other.query("select 1", **off)
    assert found.rc == 2
    assert "pg_hba.conf rejects connection" in found.stderr
    assert other.query(ENCRYPTED).stdout == "t\n"
    assert other.host.check_output(f"cat {other.data}.tls/made.crt") == certificate
    other.stop()
    other.start().ready()
    assert other.query(ENCRYPTED, **off).stdout == "f\n"


@pytest.mark.parametrize("other", ["0"], indirect=True)
def test_a_given_certificate_is_used(other):
    given = f"{other.folder}/given"
    other.host.check_output(
        f"mkdir {given} && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc "
        f"-days 9 -subj /CN=given -keyout {given}/tls.key -out {given}/tls.crt "
        # As a Secret is mounted.
        f"&& chmod 0444 {given}/tls.key"
    )
    other.start(TLS_DIRECTORY=given).ready()
    seen = {"PGSSLMODE": "verify-ca", "PGSSLROOTCERT": f"{given}/tls.crt"}
    assert other.query(ENCRYPTED, **seen).stdout == "t\n"


@pytest.mark.parametrize("other", ["0"], indirect=True)
def test_the_password_stands_on_no_command_line(other, facts):
    """Neither when data are made, nor when they are taken again, nor afterwards."""
    seen = ""
    for _ in range(2):
        other.start()
        # All that runs, again and again; zeros between words become blanks.
        seen += other.host.run(
            "{ for i in $(seq 600); do "
            f"pg_isready -q -U x -h 127.0.0.1 -p {other.port} && break; "
            "cat /proc/[0-9]*/cmdline; done 2>/dev/null; } | tr '\\0' ' '"
        ).stdout
        other.ready().stop()
    for program in ("initdb", "postgres --single", "postgres -D"):
        assert program in seen
    assert facts["password"] not in seen
    assert facts["password"] not in other.host.file(other.log).content_string


@pytest.mark.parametrize("other", ["0"], indirect=True)
def test_it_says_why_it_does_not_start(other):
    found = other.run(PASSWORD="")
    assert found.rc == 1
    assert found.stderr == "start: PASSWORD is unset, and nobody could enter\n"
    found = other.run(PASSWORD="two\nlines")
    assert found.rc == 1
    assert found.stderr == "start: PASSWORD has a line break in it\n"
    found = other.run(PGUSER='an"n')
    assert found.rc == 1
    assert found.stderr.startswith("start: PGUSER has one of ")
    found = other.run(PGUSER="pg_ann")
    assert found.stderr == "start: PGUSER begins with pg_, as PostgreSQL's own roles do\n"
    found = other.run(EXTENSIONS="postgis nothing")
    assert found.stderr.startswith("start: this image has no extension nothing for PostgreSQL ")
    other.host.check_output(f"mkdir {other.data} && echo 9 > {other.data}/PG_VERSION")
    found = other.run()
    assert found.rc == 1
    assert f"{other.data} has data of PostgreSQL 9, and this is" in found.stderr


@pytest.mark.last
def test_sigterm_ends_it_with_its_clients(host, wait_for):
    host.check_output(
        '{ PGPASSWORD="$PASSWORD" nohup psql -h 127.0.0.1 -U postgres -c "select pg_sleep(600)" '
        "> /dev/null 2>&1 & }"
    )
    host.run("kill -TERM 1")
    wait_for("the container has ended", lambda: host.run("true").rc != 0, seconds=20)
