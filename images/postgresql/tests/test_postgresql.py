"""PostgreSQL: who may enter, what a restart keeps, and that any uid may run it."""

import shlex

import pytest

START = "dumb-init --single-child --rewrite 15:2 /opt/postgresql/start"
USER, DATABASE = "odd: näme #", 'd\'ata "base"'
PSQL = 'PGPASSWORD="${PGPASSWORD-$PASSWORD}" psql -XAtq -h 127.0.0.1 -p 5433'
WRONG = ("password authentication failed", "no password supplied")


@pytest.fixture(scope="module", autouse=True)
def server(host, wait_for):
    """The server that the container runs."""
    ready = "pg_isready --quiet --host=127.0.0.1"
    wait_for("PostgreSQL", lambda: host.run(ready).succeeded)


def query(host, text, *, at="127.0.0.1", password='"$PASSWORD"'):
    """What psql makes of a query. `password` is read by the shell, so that none is written here."""
    return host.run(f"PGPASSWORD={password} psql -XAtq -h {at} -U postgres -c {shlex.quote(text)}")


@pytest.fixture(params=["0", "100"])
def other(second_server, request):
    """A server by a uid that a cluster chose; it is not started yet."""
    found = second_server(
        f"{START} -p 5433 -c unix_socket_directories={{folder}}",
        port=5433,
        ready="pg_isready --quiet --username=x --host=127.0.0.1 --port=5433",
        environment={"PGDATA": "{folder}/pgdata", "PGUSER": USER, "PGDATABASE": DATABASE},
        group=request.param,
    )
    # What a first start that was killed left.
    left = f"{found.folder}/pgdata.new"
    found.host.check_output(f"mkdir -p {left} && touch {left}/PG_VERSION")
    return found


def ask(other, text, **more):
    """What psql makes of a query to that server."""
    return other.run(f"{PSQL} -c {shlex.quote(text)}", **more)


def test_postgresql_is_the_version_of_the_lock(host, facts):
    version = facts["versions"]["postgresql"]
    assert query(host, "show server_version").stdout.split()[0] == version
    assert version.startswith(f"{facts['axes']['postgresql']}.")


def test_it_runs_as_the_user(host, checks):
    checks.runs_as_the_user(host, "postgres", "/var/lib/postgresql/data/pgdata")


def test_packages_of_debian_are_installed_and_their_lists_are_gone(host, facts, checks):
    checks.packages_of_debian_leave_nothing_else(host, facts["packages"]["apt"])


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
    other.start()
    assert ask(other, "select current_user, current_database()").stdout == (f"{USER}|{DATABASE}\n")
    ask(other, "create table kept as select 42 as answer")
    # A client that stays: the server would wait for it.
    other.run(f"{{ {PSQL} -c 'select pg_sleep(600)' > /dev/null 2>&1 & }}")
    other.stop()
    assert "received fast shutdown request" in other.said
    # As a cluster leaves a volume that it gives to a group.
    other.host.check_output(f"chmod 2770 {other.folder}/pgdata")
    other.start()
    assert ask(other, "select answer from kept").stdout == "42\n"
    assert "not properly shut down" not in other.said
    left = other.host.check_output(f"ls {other.folder}").split()
    assert sorted(left) == ["log", "pgdata", "pgdata.tls", "pid"]


@pytest.mark.parametrize("other", ["0"], indirect=True)
def test_a_killed_container_is_followed_by_another(other):
    other.start()
    ask(other, "create table kept as select 42 as answer")
    other.host.check_output(f"kill -KILL $(head -n 1 {other.folder}/pgdata/postmaster.pid)")
    other.wait_until_ended()
    # In the next container that number is somebody else's.
    other.host.check_output(
        "{ nohup sleep 600 > /dev/null 2>&1 & "
        f"sed -i 1s/.*/$!/ {other.folder}/pgdata/postmaster.pid; }}"
    )
    other.start()
    assert ask(other, "select answer from kept").stdout == "42\n"


SUPERUSER = "select rolsuper from pg_roles where rolname = current_user"


@pytest.mark.parametrize("other", ["0"], indirect=True)
def test_the_user_owns_the_database_and_postgres_may_do_everything(other):
    as_postgres = {"PGUSER": "postgres", "PGPASSWORD": "of'all"}
    other.start(SUPERUSER_PASSWORD="of'all")
    assert ask(other, SUPERUSER).stdout == "f\n"
    made = ask(other, "create schema own; create table own.kept as select 42 as answer")
    assert made.rc == 0, made.stderr
    refused = ask(other, "create role another superuser")
    assert refused.rc == 1, refused.stdout
    assert "superuser" in refused.stderr or "permission denied" in refused.stderr
    assert ask(other, SUPERUSER, **as_postgres).stdout == "t\n"
    assert ask(other, "select 1", PGUSER="postgres").rc == 2  # by the password of the user
    other.stop()
    other.start(SUPERUSER_PASSWORD="new")
    assert ask(other, "select 1", **as_postgres).rc == 2
    as_postgres["PGPASSWORD"] = "new"
    assert ask(other, "select answer from own.kept", **as_postgres).stdout == "42\n"


@pytest.mark.parametrize("other", ["0"], indirect=True)
def test_nobody_enters_as_the_superuser_without_a_password_for_it(other):
    other.start()
    assert ask(other, "select 1", PGUSER="postgres").rc == 2


@pytest.mark.parametrize("other", ["0"], indirect=True)
def test_data_of_a_user_who_was_the_only_one_are_kept(other):
    """As images made them before: the first user was the superuser, and there was no `postgres`."""
    other.host.check_output(
        f"rm -rf {other.folder}/pgdata.new && {{ echo x; }} | LD_PRELOAD=libnss_wrapper.so "
        f"NSS_WRAPPER_PASSWD={other.folder}/passwd NSS_WRAPPER_GROUP={other.folder}/group sh -euc '"
        f'echo "p:x:$(id -u):$(id -g):p:/tmp:/bin/sh" > {other.folder}/passwd; '
        f'echo "p:x:$(id -g):" > {other.folder}/group; umask 0077; '
        f"initdb --pgdata={other.folder}/pgdata --username=ann --pwfile=/dev/stdin "
        "--auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 > /dev/null; "
        f'echo "host all all all scram-sha-256" >> {other.folder}/pgdata/pg_hba.conf; '
        'printf "%s\n\n" "create database held;" '
        f"| postgres --single -j -D {other.folder}/pgdata postgres > /dev/null; "
        'printf "%s\n\n" "create table kept as select 42 as answer;" '
        f"| postgres --single -j -D {other.folder}/pgdata held > /dev/null'"
    )
    ann = {"PGUSER": "ann", "PGDATABASE": "held"}
    for _ in range(2):
        other.start(SUPERUSER_PASSWORD="of-all", EXTENSIONS="postgis", **ann)
        assert ask(other, SUPERUSER, **ann).stdout == "t\n"
        assert ask(other, "select answer from kept", **ann).stdout == "42\n"
        as_postgres = {**ann, "PGUSER": "postgres", "PGPASSWORD": "of-all"}
        assert ask(other, SUPERUSER, **as_postgres).stdout == "t\n"
        other.stop()


@pytest.mark.parametrize("other", ["0"], indirect=True)
def test_extensions_are_made_and_stay(other, facts):
    names = ["pgaudit", "postgis"]
    if facts["axes"]["debian"] != "12":
        names.append("vector")
    other.start(SUPERUSER_PASSWORD="of-all")
    loaded = "alter system set shared_preload_libraries = 'auto_explain'"
    ask(other, loaded, PGUSER="postgres", PGPASSWORD="of-all")
    other.stop()
    other.start(EXTENSIONS=" ".join(names), SUPERUSER_PASSWORD="of-all")
    made = "select extname from pg_extension where extname <> 'plpgsql' order by 1"
    assert ask(other, made).stdout.split() == names
    assert ask(other, "select st_distance('POINT(0 0)', 'POINT(3 4)')").stdout == "5\n"
    if "vector" in names:
        assert ask(other, "select '[1,2]'::vector <-> '[4,6]'").stdout == "5\n"
    ask(other, "alter system set pgaudit.log = 'ddl'", PGUSER="postgres", PGPASSWORD="of-all")
    other.stop()
    other.start()
    assert ask(other, made).stdout.split() == names
    loaded = ask(other, "show shared_preload_libraries", PGUSER="postgres", PGPASSWORD="of-all")
    assert loaded.stdout == "auto_explain,pgaudit\n"
    assert ask(other, "create table watched (i int)").rc == 0
    assert "AUDIT: SESSION" in other.said


@pytest.mark.parametrize("other", ["0"], indirect=True)
def test_what_the_first_start_makes_is_dumped(other):
    """pg_dump leaves out extensions, and pgAdmin databases, with a number of the system's own."""
    other.start(EXTENSIONS="pgaudit")
    first = "select oid >= 16384 from pg_{} where {}"
    assert ask(other, first.format("extension", "extname = 'pgaudit'")).stdout == "t\n"
    assert ask(other, first.format("database", "datname = current_database()")).stdout == "t\n"


@pytest.mark.parametrize("other", ["0"], indirect=True)
def test_a_changed_password_holds(other):
    new = 'it\'s "new"; \\ $(id) é'
    other.start()
    other.stop()
    other.start(PASSWORD=new)
    assert ask(other, "select 1").rc == 2
    assert ask(other, "select 1", PGPASSWORD=new).stdout == "1\n"


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
    other.start()
    assert ask(other, ENCRYPTED, **off).stdout == "f\n"
    certificate = other.host.check_output(f"cat {other.folder}/pgdata.tls/made.crt")
    other.stop()
    other.start(TLS_REQUIRED="true")
    found = ask(other, "select 1", **off)
    assert found.rc == 2
    assert "pg_hba.conf rejects connection" in found.stderr
    assert ask(other, ENCRYPTED).stdout == "t\n"
    assert other.host.check_output(f"cat {other.folder}/pgdata.tls/made.crt") == certificate
    other.stop()
    other.start()
    assert ask(other, ENCRYPTED, **off).stdout == "f\n"


@pytest.mark.parametrize("other", ["0"], indirect=True)
def test_it_starts_again_from_a_volume_that_a_kubelet_gave_to_the_group(other):
    """With fsGroup, each mount opens all files of a volume to the group of the pod."""
    other.start()
    key = f"{other.folder}/pgdata.tls/made.key"
    before = other.host.check_output(f"cat {key}")
    other.stop()
    other.host.check_output(f"chmod -R g+rwX {other.folder}/pgdata {other.folder}/pgdata.tls")
    other.start()
    assert ask(other, ENCRYPTED).stdout == "t\n"
    assert other.host.check_output(f"stat -c %a {key}; cat {key}") == f"600\n{before}"


@pytest.mark.parametrize("other", ["0"], indirect=True)
def test_a_given_certificate_is_used(other):
    given = f"{other.folder}/given"
    other.host.check_output(
        f"mkdir {given} && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc "
        f"-days 9 -subj /CN=given -keyout {given}/tls.key -out {given}/tls.crt "
        # As a Secret is mounted.
        f"&& chmod 0444 {given}/tls.key"
    )
    other.start(TLS_DIRECTORY=given)
    seen = {"PGSSLMODE": "verify-ca", "PGSSLROOTCERT": f"{given}/tls.crt"}
    assert ask(other, ENCRYPTED, **seen).stdout == "t\n"


@pytest.mark.parametrize("other", ["0"], indirect=True)
def test_the_password_stands_on_no_command_line(other, facts):
    """Neither when data are made, nor when they are taken again, nor afterwards."""
    seen = ""
    for _ in range(2):
        other.launch()
        # All that runs, again and again; zeros between words become blanks.
        seen += other.host.run(
            "{ for i in $(seq 600); do "
            "pg_isready -q -U x -h 127.0.0.1 -p 5433 && break; "
            "cat /proc/[0-9]*/cmdline; done 2>/dev/null; } | tr '\\0' ' '"
        ).stdout
        other.wait_until_ready()
        other.stop()
    for program in ("initdb", "postgres --single", "postgres -D"):
        assert program in seen
    assert facts["password"] not in seen
    assert facts["password"] not in other.said


@pytest.mark.parametrize("other", ["0"], indirect=True)
def test_it_says_why_it_does_not_start(other):
    assert other.refuse(PASSWORD="") == "start: PASSWORD is unset, and nobody could enter\n"
    assert other.refuse(PASSWORD="two\nlines") == "start: PASSWORD has a line break in it\n"
    assert other.refuse(PGUSER='an"n').startswith("start: PGUSER has one of ")
    roles = "start: PGUSER begins with pg_, as PostgreSQL's own roles do\n"
    assert other.refuse(PGUSER="pg_ann") == roles
    missing = "start: this image has no extension nothing for PostgreSQL "
    assert other.refuse(EXTENSIONS="postgis nothing").startswith(missing)
    data = f"{other.folder}/pgdata"
    other.host.check_output(f"mkdir {data} && echo 9 > {data}/PG_VERSION")
    assert f"{data} has data of PostgreSQL 9, and this is" in other.refuse()


@pytest.mark.last
def test_sigterm_ends_it_with_its_clients(host, wait_for):
    host.check_output(
        '{ PGPASSWORD="$PASSWORD" nohup psql -h 127.0.0.1 -U postgres -c "select pg_sleep(600)" '
        "> /dev/null 2>&1 & }"
    )
    host.run("kill -TERM 1")
    wait_for("the container has ended", lambda: host.run("true").rc != 0, seconds=20)
