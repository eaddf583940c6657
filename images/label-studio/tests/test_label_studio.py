"""Label Studio, used as its pages and its clients use it, and as a stranger would."""

import hashlib
import json
import re

import pytest

PORT = 8080
WORK = "/home/onyxia/work"
START = "/opt/onyxia-init.sh /opt/label-studio/start"
USER = "admin@localhost"
CONFIG = """<View><Text name="text" value="$text"/>
<Choices name="mood" toName="text"><Choice value="good"/><Choice value="bad"/></Choices></View>"""
GOOD = [{"from_name": "mood", "to_name": "text", "type": "choices", "value": {"choices": ["good"]}}]


def token_of(password):
    """The token of programs, as charts compute it."""
    return hashlib.sha256(f"label-studio {password}".encode()).hexdigest()[:40]


@pytest.fixture(scope="session")
def labels(client, url):
    """`labels(password)`: a program with the token of a password, or a stranger."""
    client(url(PORT)).wait("/health", seconds=300)

    def program(password=None):
        headers = {} if password is None else {"Authorization": f"Token {token_of(password)}"}
        return client(url(PORT), headers=headers)

    return program


def log_in(browser, password, user=USER, **headers):
    """Send the form of the page, and return the answer."""
    page = browser.get("/user/login/", headers=headers).text
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)[1]
    form = {"csrfmiddlewaretoken": token, "email": user, "password": password}
    return browser.post("/user/login/", data=form, headers={"Referer": browser.url, **headers})


def test_label_studio_is_the_version_of_the_lock(labels, facts):
    assert labels().get("/api/version").json()["release"] == facts["versions"]["labelstudio"]


@pytest.mark.parametrize("password", [None, "", "wrong-password"])
def test_a_stranger_is_refused(labels, password):
    assert labels(password).get("/api/projects/").status_code == 401
    page = labels(password).get("/projects/")
    assert page.status_code == 302
    assert page.headers["Location"].startswith("/user/login")


def test_the_password_opens_it_and_no_other_does(labels, facts):
    browser = labels()
    assert log_in(browser, "wrong-password").status_code == 200
    assert browser.get("/api/projects/").status_code == 401
    assert log_in(browser, facts["password"]).status_code == 302
    assert browser.get("/api/projects/").status_code == 200
    assert browser.get("/api/current-user/whoami").json()["email"] == USER


@pytest.mark.parametrize(
    ("origin", "status"), [("https://labels.example", 302), ("https://elsewhere.example", 403)]
)
def test_a_form_behind_tls_is_taken_from_its_own_page_alone(labels, facts, origin, status):
    own = {"Host": "labels.example", "X-Forwarded-Proto": "https"}
    own |= {"Referer": "https://labels.example/user/login/", "Origin": origin}
    assert log_in(labels(), facts["password"], **own).status_code == status


def test_nobody_signs_up_without_an_invitation(labels):
    browser = labels()
    page = browser.get("/user/login/").text
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)[1]
    form = {"csrfmiddlewaretoken": token, "email": "eve@example.org", "password": "eve-eve-eve-1"}
    answer = browser.post("/user/signup/", data=form, headers={"Referer": browser.url})
    assert answer.status_code == 403
    assert log_in(labels(), "eve-eve-eve-1", "eve@example.org").status_code == 200


def test_a_task_is_imported_labelled_and_exported(host, labels, facts):
    user = labels(facts["password"])
    made = user.post("/api/projects/", json={"title": "moods", "label_config": CONFIG})
    assert made.status_code == 201, made.text
    project = made.json()["id"]
    tasks = [{"text": "what a day"}, {"text": "rain again"}]
    assert user.post(f"/api/projects/{project}/import", json=tasks).json()["task_count"] == 2
    task = user.get(f"/api/tasks?project={project}").json()["tasks"][0]["id"]
    answer = user.post(f"/api/tasks/{task}/annotations/", json={"result": GOOD})
    assert answer.status_code == 201, answer.text
    exported = user.get(f"/api/projects/{project}/export?exportType=JSON_MIN").json()
    assert [(item["id"], item["mood"]) for item in exported] == [(task, "good")]
    # Where a volume keeps it.
    assert host.file(f"{WORK}/label_studio.sqlite3").mode == 0o600


def test_a_file_is_uploaded_and_read(host, labels, facts):
    user = labels(facts["password"])
    project = user.post("/api/projects/", json={"title": "a file", "label_config": CONFIG}).json()
    file = {"file": ("moods.csv", "text\nwhat a day\n", "text/csv")}
    answer = user.post(f"/api/projects/{project['id']}/import", files=file)
    assert answer.json()["task_count"] == 1, answer.text
    assert host.check_output(f"find {WORK}/media/upload -name '*moods.csv'")


def test_the_page_has_its_scripts(labels, facts):
    browser = labels()
    log_in(browser, facts["password"])
    page = browser.get("/projects/").text
    scripts = re.findall(r'<script[^>]* src="(/[^"]+\.js[^"]*)"', page)
    assert scripts
    assert all(browser.get(script).status_code == 200 for script in scripts)


def test_the_password_stands_nowhere(host, labels, facts):
    found = host.check_output("cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' || true")
    assert "core.wsgi" in found
    assert facts["password"] not in found
    assert not host.run(f"grep -rlF -e {facts['password']} {WORK}").stdout


def test_a_restart_keeps_projects_and_takes_a_new_password(second_server):
    server = second_server(f"{START} --bind=127.0.0.1:8081", port=8081, ready="/health")
    old, new = "the old password", "it's a new % one: $(id)"

    def ask(password, *options):
        header = f"Authorization: Token {token_of(password)}"
        return server.curl("/api/projects/", "--header", header, *options)

    server.start(PASSWORD=old, LOGIN_EMAIL="ann@example.org")
    assert ask(old, "--data", "title=kept")[0] == 201
    server.stop()
    server.start(PASSWORD=new, LOGIN_EMAIL="ann@example.org")
    assert ask(old)[0] == 401
    status, content = ask(new)
    assert status == 200
    assert [project["title"] for project in json.loads(content)["results"]] == ["kept"]
