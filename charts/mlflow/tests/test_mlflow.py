"""MLflow as its chart starts it: its password opens it, and runs are kept on the volume."""

import json
import shlex

import pytest

SEARCH = "/api/2.0/mlflow/experiments/search?max_results=1"
LOG = r"""
import json, mlflow
mlflow.set_experiment("chart")
with mlflow.start_run() as run:
    mlflow.log_metric("loss", 0.25)
    mlflow.log_text("kept", "note.txt")
run = mlflow.get_run(run.info.run_id)
text = mlflow.artifacts.load_text(run.info.artifact_uri + "/note.txt")
print(json.dumps([run.data.metrics, text]))
"""


@pytest.fixture
def mlflow(client, facts):
    """`mlflow(password)`: somebody new with a password, or none."""

    def somebody(password=None):
        return client(facts["url"], auth=None if password is None else ("admin", password))

    return somebody


@pytest.mark.parametrize("path", ["/", SEARCH])
def test_the_password_of_the_chart_opens_it(mlflow, facts, path):
    assert mlflow(facts["password"]).get(path).status_code == 200


@pytest.mark.parametrize("path", ["/", SEARCH])
@pytest.mark.parametrize("password", [None, "", "changeme-changeme"])
def test_another_password_does_not(mlflow, path, password):
    assert mlflow(password).get(path).status_code == 401


@pytest.mark.parametrize(
    ("name", "status"), [("chart-example.local", 200), ("elsewhere.example", 403)]
)
def test_it_answers_to_the_name_of_its_ingress_alone(mlflow, facts, name, status):
    answer = mlflow(facts["password"]).get(SEARCH, headers={"Host": name})
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("origin", "status"), [("https://chart-example.local", 200), ("https://elsewhere.example", 403)]
)
def test_a_page_of_its_own_may_write_and_no_other(mlflow, facts, origin, status):
    answer = mlflow(facts["password"]).post(
        "/api/2.0/mlflow/experiments/create",
        json={"name": f"made at {origin}"},
        headers={"Origin": origin, "Host": "chart-example.local"},
    )
    assert answer.status_code == status, answer.text


def test_a_run_is_logged_and_kept_on_the_volume(host):
    found = host.check_output(
        "env MLFLOW_TRACKING_URI=http://127.0.0.1:5000 MLFLOW_TRACKING_USERNAME=admin "
        f'MLFLOW_TRACKING_PASSWORD="$PASSWORD" python -c {shlex.quote(LOG)}'
    )
    assert json.loads(found.splitlines()[-1]) == [{"loss": 0.25}, "kept"]
    for file in ("mlflow.db", "users.db", "artifacts"):
        place = host.check_output(f"findmnt -n -o TARGET -T /home/onyxia/work/{file}")
        assert place == "/home/onyxia/work"


def test_nothing_writes_outside_of_the_volumes(host):
    assert host.run("touch /opt/python/x").rc != 0
    assert host.run("touch /tmp/x /home/onyxia/x").rc == 0
