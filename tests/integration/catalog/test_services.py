"""Services beside PostgreSQL, each in a container of its image as the catalog has it. Heavy."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from builder.app.app import App
from builder.app.load import load
from builder.app.options import Options
from builder.common.process import Command, Output
from builder.engines.interfaces import Container, StartRequest
from tests.integration.catalog.test_recipes import first_target
from tests.integration.starter import BUILDER, ROOT, TODAY

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(3600)]
DATABASE, ADMINISTRATOR = "p4ss' of: the/database%", "p4ss of the administrator"

LOG = """
import mlflow
with mlflow.start_run(run_name="kept") as run:
    mlflow.log_metric("loss", 0.25)
"""
READ = """
import mlflow
print(mlflow.search_runs(experiment_ids=["0"])["metrics.loss"].tolist())
"""

# A program opens the server that pgAdmin found, as its pages do.
CONNECT = r"""
import os, re, requests
site, url = requests.Session(), "http://127.0.0.1:5050"
site.trust_env = False
token = re.search(r"csrfToken\W+([\w.-]+)", site.get(url + "/login").text)[1]
login = {"email": os.environ["LOGIN_EMAIL"], "password": os.environ["PASSWORD"]}
site.post(url + "/authenticate/login", data={"csrf_token": token, **login})
script = site.get(url + "/browser/js/utils.js").text
site.headers["X-pgA-CSRFToken"] = re.search(r"csrf_token\W+([\w.-]+)", script)[1]
group = site.get(url + "/browser/nodes/").json()["data"][-1]["_id"]
server = site.get(f"{url}/browser/server/nodes/{group}/").json()["result"][0]["_id"]
print(site.post(f"{url}/browser/server/connect/{group}/{server}", data="{}").json()["info"])
databases = site.get(f"{url}/browser/database/nodes/{group}/{server}/").json()["data"]
print(*sorted(database["label"] for database in databases))
"""
LABEL = """
import hashlib, json, os, urllib.request
token = hashlib.sha256(b"label-studio " + os.environb[b"PASSWORD"]).hexdigest()[:40]
headers = {"Authorization": "Token " + token, "Content-Type": "application/json"}
request = urllib.request.Request("http://127.0.0.1:8080/api/projects/", b"{}", headers)
print(json.load(urllib.request.urlopen(request))["id"])
"""

THRIFT = """
import sys
from pyspark.java_gateway import launch_gateway
java = launch_gateway().jvm
api = java.org.apache.hadoop.hive.metastore
conf = java.org.apache.hadoop.hive.conf.HiveConf()
conf.set("hive.metastore.uris", "thrift://127.0.0.1:9083")
client = api.HiveMetaStoreClient(conf)
for name in sys.argv[1:]:
    client.createDatabase(api.api.Database(name, "of a test", None, {}))
print(*client.getAllDatabases())
"""
# A query of Trino, to its last page.
QUERY = r"""
page=https://127.0.0.1:8443/v1/statement
while [ -n "$page" ]; do
  answer=$(curl --silent --insecure --noproxy "*" --user "trino:$PASSWORD" "$@" "$page")
  set --
  printf %s "$answer" | grep -o '"data":[[][^}]*[]][]]' || true
  page=$(printf %s "$answer" | grep -o '"nextUri":"[^"]*' | cut -d'"' -f4)
done
"""


class Containers:
    """Starts containers of the catalog's images, and runs commands in them."""

    def __init__(self, app: App, images: dict[str, str], undo: ExitStack) -> None:
        self._session = app
        self._images = images
        self._undo = undo

    def start(self, image: str, **env: str) -> Container:
        request = StartRequest(image=self._images[image], env=env)
        container = self._session.adapters.engine.start(request)
        self._undo.callback(self.end, container)
        return container

    def end(self, container: Container) -> None:
        self._session.adapters.engine.remove(container)

    def run(self, container: Container, script: str, *, check: bool = True) -> Output:
        """What a shell in it says."""
        argv = (*container.enter, "sh", "-c", script)
        command = Command(argv=argv, env=dict(container.env), timeout=300)
        return self._session.adapters.runner.run(command, check=check)

    def wait(self, container: Container, script: str) -> None:
        """Wait until it says yes."""
        end = time.monotonic() + 300
        while self.run(container, script, check=False).code != 0:
            assert time.monotonic() < end, script
            time.sleep(1)


@pytest.fixture(scope="module")
def containers(request: pytest.FixtureRequest) -> Iterator[Containers]:
    """Of PostgreSQL and the images that a test names, built where the registry lacks them."""
    targets = {recipe: first_target(recipe) for recipe in ("postgresql", *request.param)}
    for target in targets.values():
        subprocess.run(
            [BUILDER, "build", "--root", ROOT, "--engine", "podman", "-s", target],
            check=True, timeout=3000,
        )  # fmt: skip
    app = App(load(ROOT), Options(today=TODAY, engine="podman"))
    with app.registry(), ExitStack() as undo:
        plan = app.plan(lock=app.locked(), to_run=False).plan
        items = {recipe: plan.targets[target] for recipe, target in targets.items()}
        images = {recipe: str(it.repository.at(it.digest or "")) for recipe, it in items.items()}
        yield Containers(app, images, undo)


def client(program: str) -> str:
    """A program that uses MLflow as its administrator."""
    names = "MLFLOW_TRACKING_URI=http://127.0.0.1:5000 MLFLOW_TRACKING_USERNAME=admin"
    return f"env {names} MLFLOW_TRACKING_PASSWORD=\"$PASSWORD\" python -c '{program}'"


@pytest.mark.parametrize("containers", [("mlflow",)], indirect=True)
def test_runs_and_users_are_in_the_database(containers: Containers) -> None:
    database = containers.start("postgresql", PASSWORD=DATABASE, PGDATABASE="tracking")
    containers.wait(database, "pg_isready --quiet --host=127.0.0.1")
    address = containers.run(database, "hostname -i").stdout.strip()
    where = {"PGHOST": address, "PGUSER": "postgres", "PGDATABASE": "tracking"}
    answers = "curl --silent --fail --noproxy '*' http://127.0.0.1:5000/health"

    def tracking() -> Container:
        found = containers.start("mlflow", PASSWORD=ADMINISTRATOR, PGPASSWORD=DATABASE, **where)
        containers.wait(found, answers)
        return found

    first = tracking()
    containers.run(first, client(LOG))
    lines = containers.run(first, "cat /proc/[0-9]*/cmdline | tr '\\0' '\\n'").stdout
    assert DATABASE not in lines
    assert not containers.run(first, "ls work/*.db", check=False).stdout
    containers.end(first)
    query = "select name from runs union select username from users order by 1"
    words = f'PGPASSWORD="$PASSWORD" psql -XAtq -h 127.0.0.1 -U postgres tracking -c "{query}"'
    assert containers.run(database, words).stdout.split() == ["admin", "kept"]
    # Another container has nothing of its own, and all that is in the database.
    assert containers.run(tracking(), client(READ)).stdout.splitlines()[-1] == "[0.25]"


@pytest.mark.parametrize("containers", [("mlflow",)], indirect=True)
def test_a_database_that_refuses_is_waited_for_and_named(containers: Containers) -> None:
    database = containers.start("postgresql", PASSWORD=DATABASE)
    containers.wait(database, "pg_isready --quiet --host=127.0.0.1")
    address = containers.run(database, "hostname -i").stdout.strip()
    tracking = containers.start("mlflow", PASSWORD=ADMINISTRATOR)
    names = f"ONYXIA_SESSION=/tmp PGHOST={address} PGUSER=postgres PGPASSWORD=wrong"
    script = f"{names} timeout 60 /opt/mlflow/start --port=5001"
    said = containers.run(tracking, script, check=False)
    assert said.code != 0
    assert "password authentication failed" in said.log


@pytest.mark.parametrize("containers", [("label-studio",)], indirect=True)
def test_labels_are_in_the_database(containers: Containers) -> None:
    database = containers.start("postgresql", PASSWORD=DATABASE, PGDATABASE="labels")
    containers.wait(database, "pg_isready --quiet --host=127.0.0.1")
    address = containers.run(database, "hostname -i").stdout.strip()
    where = {"PGHOST": address, "PGUSER": "postgres", "PGDATABASE": "labels"}
    labels = containers.start("label-studio", PASSWORD=ADMINISTRATOR, PGPASSWORD=DATABASE, **where)
    containers.wait(labels, "curl --silent --fail --noproxy '*' http://127.0.0.1:8080/health")
    assert containers.run(labels, f"python -c '{LABEL}'").stdout.strip() == "1"
    assert not containers.run(labels, "ls work/*.sqlite3", check=False).stdout
    query = 'PGPASSWORD="$PASSWORD" psql -XAtq -h 127.0.0.1 -U postgres labels -c "{}"'
    counted = containers.run(database, query.format("select count(*) from project"))
    assert counted.stdout.strip() == "1"


@pytest.mark.parametrize("containers", [("pgadmin",)], indirect=True)
def test_pgadmin_opens_the_database_that_it_found(containers: Containers) -> None:
    database = containers.start("postgresql", PASSWORD=DATABASE, PGDATABASE="shown")
    containers.wait(database, "pg_isready --quiet --host=127.0.0.1")
    address = containers.run(database, "hostname -i").stdout.strip()
    where = {"PGHOST": address, "PGUSER": "postgres", "PGDATABASE": "shown"}
    pages = containers.start("pgadmin", PASSWORD=ADMINISTRATOR, PGPASSWORD=DATABASE, **where)
    containers.wait(pages, "curl --silent --fail --noproxy '*' http://127.0.0.1:5050/misc/ping")
    said = containers.run(pages, f"python -c '{CONNECT}'").stdout.splitlines()
    assert said == ["Server connected.", "postgres shown"]


@pytest.mark.parametrize("containers", [("hive-metastore", "trino")], indirect=True)
def test_names_of_tables_are_in_the_database_and_trino_reads_both(containers: Containers) -> None:
    database = containers.start("postgresql", PASSWORD=DATABASE, PGDATABASE="names")
    containers.wait(database, "pg_isready --quiet --host=127.0.0.1")
    address = containers.run(database, "hostname -i").stdout.strip()
    where = {"PGHOST": address, "PGUSER": "postgres", "PGDATABASE": "names"}

    def metastore() -> Container:
        found = containers.start("hive-metastore", PGPASSWORD=DATABASE, **where)
        containers.wait(found, "bash -c ': > /dev/tcp/127.0.0.1/9083'")
        return found

    first = metastore()
    made = containers.run(first, f"cd /tmp && python -c '{THRIFT}' asked").stdout
    assert made.split() == ["asked", "default"]
    lines = containers.run(first, "cat /proc/[0-9]*/cmdline | tr '\\0' '\\n'").stdout
    assert "HiveMetaStore" in lines
    assert DATABASE not in lines
    assert not containers.run(first, "ls -d work/metastore_db", check=False).stdout
    wrong = "PGPASSWORD=wrong timeout 120 /opt/hive/start 9183"
    said = containers.run(first, wrong, check=False)
    assert said.code == 1
    assert "password authentication failed" in said.log
    containers.end(first)
    # Another container has nothing of its own, and all that is in the database.
    second = metastore()
    assert containers.run(second, f"cd /tmp && python -c '{THRIFT}'").stdout == made
    thrift = containers.run(second, "hostname -i").stdout.strip()
    trino = containers.start(
        "trino", PASSWORD=ADMINISTRATOR, PGPASSWORD=DATABASE, **where,
        HIVE_METASTORE_URI=f"thrift://{thrift}:9083",
    )  # fmt: skip
    ready = "curl --silent --noproxy '*' http://127.0.0.1:8080/v1/info | grep '\"starting\":false'"
    containers.wait(trino, ready)
    make = "create table numbers as select generate_series(1, 7) as number"
    psql = 'PGPASSWORD="$PASSWORD" psql -XAtq -h 127.0.0.1 -U postgres names -c "{}"'
    containers.run(database, psql.format(make))
    count = "set -- --data 'select count(*) from postgresql.public.numbers'"
    assert containers.run(trino, f"{count}\n{QUERY}").stdout.strip() == '"data":[[7]]'
    schemas = containers.run(trino, f"set -- --data 'show schemas from hive'\n{QUERY}").stdout
    assert '["asked"]' in schemas
