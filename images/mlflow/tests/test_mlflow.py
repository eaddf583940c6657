"""MLflow, used as its client uses it, from inside the container, and as a stranger would."""

import json
import os
import shlex
import uuid

import pytest
import testinfra

PORT = 5000
WORK = "/home/onyxia/work"
START = "/opt/onyxia-init.sh /opt/mlflow/start"

# A run is logged, and what was logged is asked for.
LOG = r"""
import mlflow
mlflow.set_experiment("probe")
with mlflow.start_run() as run:
    mlflow.log_param("alpha", 1)
    mlflow.log_metric("loss", 0.25)
    mlflow.log_text("kept", "note.txt")
print(run.info.run_id)
"""
READ = r"""
import json, mlflow, sys
run = mlflow.get_run(sys.argv[1])
text = mlflow.artifacts.load_text(run.info.artifact_uri + "/note.txt")
print(json.dumps([run.data.params, run.data.metrics, text]))
"""
LOGGED = [{"alpha": "1"}, {"loss": 0.25}, "kept"]

# The same of a model, which goes to the registry too.
MODEL = r"""
import mlflow
from sklearn.linear_model import LinearRegression
mlflow.set_experiment("models")
with mlflow.start_run():
    model = LinearRegression().fit([[0], [1], [2]], [0, 2, 4])
    mlflow.sklearn.log_model(model, name="model", registered_model_name="line")
model = mlflow.pyfunc.load_model("models:/line/1")
print(round(model.predict([[21]])[0]))
"""


@pytest.fixture(scope="session")
def mlflow(client, url):
    """`mlflow(password)`: somebody new with a password, or none, once the server answers."""
    client(url(PORT)).wait("/health", seconds=180)

    def somebody(password=None):
        return client(url(PORT), auth=None if password is None else ("admin", password))

    return somebody


def python(host, code, *arguments, port=PORT, **environment):
    """What a program prints that uses MLflow's client; it must succeed."""
    names = {
        "MLFLOW_TRACKING_URI": f"http://127.0.0.1:{port}",
        "MLFLOW_TRACKING_USERNAME": "admin",
        **environment,
    }
    words = " ".join(f"{key}={shlex.quote(value)}" for key, value in names.items())
    password = "" if "MLFLOW_TRACKING_PASSWORD" in names else 'MLFLOW_TRACKING_PASSWORD="$PASSWORD"'
    words = f"env {password} {words} python -c {shlex.quote(code)} {' '.join(arguments)}"
    return host.check_output(words).splitlines()[-1]


class Other:
    """A server beside that one, on data of its own, by a uid that a cluster chose."""

    port = 5001

    def __init__(self, wait_for):
        self.wait_for = wait_for
        user = os.environ["BUILDER_HOST"].replace("://", "://12345:0@")
        self.host = testinfra.get_host(user)
        self.folder = f"/tmp/other-{uuid.uuid4().hex[:8]}"
        self.host.check_output(f"mkdir {self.folder}")

    def start(self, **environment):
        names = {
            "WORKSPACE_DIR": f"{self.folder}/work",
            "ONYXIA_SESSION_DIR": f"{self.folder}/session",
            "MLFLOW_WORKERS": "1",
            **environment,
        }
        words = " ".join(f"{key}={shlex.quote(value)}" for key, value in names.items())
        self.host.check_output(
            f"{{ nohup env {words} {START} --port={self.port} > {self.folder}/log 2>&1 & "
            f"echo $! > {self.folder}/pid; }}"
        )
        self.wait_for("MLflow answers", lambda: self.answers() == "200", seconds=180)

    def answers(self, path="/health", password=""):
        login = f"--user admin:{shlex.quote(password)}" if password else ""
        found = self.host.run(
            "curl --silent --noproxy '*' --output /dev/null --write-out '%{http_code}' "
            f"{login} http://127.0.0.1:{self.port}{path}"
        )
        return found.stdout

    def stop(self):
        """End it as a cluster does; nothing of it is left."""
        self.host.check_output(f"kill -TERM $(cat {self.folder}/pid)")
        self.gone()
        assert self.answers() == "000"

    def gone(self):
        running = f"kill -0 $(cat {self.folder}/pid)"
        self.wait_for("MLflow has ended", lambda: self.host.run(running).rc != 0, seconds=180)


@pytest.fixture
def other(wait_for):
    found = Other(wait_for)
    yield found
    if found.host.run(f"kill -TERM $(cat {found.folder}/pid)").rc == 0:
        found.gone()
    found.host.check_output(f"rm -rf {found.folder}")


def test_mlflow_is_the_version_of_the_lock(host, mlflow, facts):
    version = facts["versions"]["mlflow"]
    assert mlflow(facts["password"]).get("/version").text == version
    assert host.check_output("mlflow --version").split()[-1] == version


def test_a_run_is_logged_and_read(host, mlflow):
    run = python(host, LOG)
    assert json.loads(python(host, READ, run)) == LOGGED
    # Where a volume keeps it.
    assert host.check_output(f"find {WORK}/artifacts -name note.txt | xargs cat") == "kept"


def test_a_model_is_registered_and_computes(host, mlflow):
    assert python(host, MODEL) == "42"


@pytest.mark.parametrize("path", ["/", "/api/2.0/mlflow/registered-models/search", "/metrics"])
@pytest.mark.parametrize("password", [None, "", "wrong", "password1234"])
def test_a_stranger_is_refused(mlflow, path, password):
    assert mlflow(password).get(path).status_code == 401


def test_the_password_opens_it(mlflow, facts):
    assert mlflow(facts["password"]).get("/").status_code == 200
    answer = mlflow(facts["password"]).get("/api/2.0/mlflow/experiments/search?max_results=1")
    assert answer.status_code == 200
    assert "experiments" in answer.json()


def test_the_page_has_its_scripts(mlflow, facts):
    user = mlflow(facts["password"])
    script = user.get("/").text.split('src="', 1)[1].split('"', 1)[0]
    found = user.get("/" + script.removeprefix("./"))
    assert found.status_code == 200
    assert len(found.content) > 10_000


def test_names_that_are_not_its_own_are_refused(mlflow, facts):
    found = mlflow(facts["password"]).get("/", headers={"Host": "elsewhere.example"})
    assert found.status_code == 403
    assert "Invalid Host header" in found.text


def test_the_password_stands_on_no_command_line(host, mlflow, facts):
    found = host.check_output("cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' || true")
    assert "basic-auth" in found
    assert facts["password"] not in found
    left = host.run(f"grep -rlF -e {facts['password']} {WORK}")
    assert not left.stdout, left.stdout


def test_keys_are_of_the_user_alone_and_differ(host, mlflow):
    modes = host.check_output(f"stat -c %a {WORK}/.sessions {WORK}/.secrets {WORK}/users.db")
    assert modes == "600\n600\n600"
    assert (
        len(set(host.check_output(f"cat {WORK}/.sessions; echo; cat {WORK}/.secrets").split())) == 2
    )


def test_a_restart_keeps_what_was_logged_and_takes_a_new_password(host, mlflow, other, facts):
    other.start()
    permission = f"grep -rh ^default_permission {other.folder}/session"
    assert other.host.check_output(permission) == "default_permission = NO_PERMISSIONS"
    run = python(host, LOG, port=other.port)
    other.stop()
    new = "it's a new % one: $(id)"
    other.start(PASSWORD=new, MLFLOW_AUTH_DEFAULT_PERMISSION="READ")
    assert other.host.check_output(permission) == "default_permission = READ"
    search = "/api/2.0/mlflow/experiments/search?max_results=1"
    assert other.answers(search, password="wrong-password") == "401"
    found = python(host, READ, run, port=other.port, MLFLOW_TRACKING_PASSWORD=new)
    assert json.loads(found) == LOGGED


def test_artifacts_go_to_s3(host, mlflow, other, s3):
    other.start(**s3, AWS_WORKING_DIRECTORY_PATH="data/ann")
    run = python(host, LOG, port=other.port)
    assert json.loads(python(host, READ, run, port=other.port)) == LOGGED
    held = host.check_output("find /tmp/smoke-s3/data/ann/mlflow -name note.txt | xargs cat")
    assert held == "kept"
    assert not other.host.file(f"{other.folder}/work/artifacts").exists
