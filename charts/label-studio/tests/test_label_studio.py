"""Label Studio as its chart starts it: its password opens it, and labels are kept on the volume."""

import hashlib

import pytest

CONFIG = """<View><Text name="text" value="$text"/>
<Choices name="mood" toName="text"><Choice value="good"/><Choice value="bad"/></Choices></View>"""
GOOD = [{"from_name": "mood", "to_name": "text", "type": "choices", "value": {"choices": ["good"]}}]


@pytest.fixture
def labels(client, facts):
    """`labels(password)`: a program with the token that the chart tells others."""

    def program(password):
        token = hashlib.sha256(f"label-studio {password}".encode()).hexdigest()[:40]
        return client(facts["url"], headers={"Authorization": f"Token {token}"})

    return program


@pytest.mark.parametrize("password", ["", "changeme", "changeme-changeme"])
def test_another_password_does_not_open_it(labels, password):
    assert labels(password).get("/api/projects/").status_code == 401


def test_a_task_is_labelled_and_kept_on_the_volume(host, labels, facts):
    user = labels(facts["password"])
    assert user.get("/api/current-user/whoami").json()["email"] == "admin@example.org"
    made = user.post("/api/projects/", json={"title": "moods", "label_config": CONFIG})
    project = made.json()["id"]
    tasks = user.post(f"/api/projects/{project}/import", json=[{"text": "what a day"}])
    assert tasks.json()["task_count"] == 1
    task = user.get(f"/api/tasks?project={project}").json()["tasks"][0]["id"]
    answer = user.post(f"/api/tasks/{task}/annotations/", json={"result": GOOD})
    assert answer.status_code == 201, answer.text
    place = host.check_output("findmnt -n -o TARGET -T /home/onyxia/work/label_studio.sqlite3")
    assert place == "/home/onyxia/work"


def test_the_commands_of_its_page_back_it_up_and_restore_it(host, labels, facts):
    user = labels(facts["password"])
    copy = 'python -c \'import sqlite3; sqlite3.connect("{}").backup(sqlite3.connect("{}"))\''
    made = user.post("/api/projects/", json={"title": "kept"}).json()["id"]
    host.check_output(
        "cd /home/onyxia/work && " + copy.format("label_studio.sqlite3", "backup.sqlite3")
    )
    assert user.request("DELETE", f"/api/projects/{made}/").status_code == 204
    assert user.get(f"/api/projects/{made}/").status_code == 404
    host.check_output(
        "cd /home/onyxia/work && " + copy.format("backup.sqlite3", "label_studio.sqlite3")
    )
    assert user.get(f"/api/projects/{made}/").json()["title"] == "kept"


def test_nothing_writes_outside_of_the_volumes(host):
    assert host.run("touch /opt/python/x").rc != 0
    assert host.run("touch /tmp/x /home/onyxia/x").rc == 0
