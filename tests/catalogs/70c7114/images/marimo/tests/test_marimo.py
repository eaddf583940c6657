"""marimo, used as a browser uses it: over HTTP and WebSocket, from outside the container."""

import json
import re
import uuid

import pytest
import websocket

PORT = 2718
WORK = "/home/onyxia/work"
CELL = "Hbol"  # what marimo calls the first cell
SOURCE = """
import marimo
app = marimo.App()
@app.cell
def _():
    return
"""


@pytest.fixture(scope="session")
def marimo(client, url, facts):
    """Somebody who knows the password, once the server answers."""
    user = client(url(PORT)).wait("/health")
    assert login(user, facts["password"]).status_code == 302
    return user


def login(somebody, password):
    """What the form is answered with."""
    return somebody.post("/auth/login", data={"password": password})


@pytest.fixture
def notebook(host):
    """A notebook with one cell, in the work directory. marimo keeps the session of each file."""
    file = f"{WORK}/probe-{uuid.uuid4().hex}.py"
    host.check_output(f"printf %s '{SOURCE}' > {file}")
    yield file
    host.check_output(f"rm -rf {file} {WORK}/__marimo__")


def run(user, notebook, code):
    """Run the notebook's cell: what it printed, and what it showed."""
    page = user.get(f"/?file={notebook}").text
    token = re.search(r'serverToken["\']?\s*:\s*["\']([^"\']+)', page)[1]
    session = f"s_{uuid.uuid4().hex[:6]}"
    headers = {"Marimo-Session-Id": session, "Marimo-Server-Token": token}
    stream = user.socket(f"/ws?session_id={session}&file={notebook}")
    printed = shown = ""
    try:
        assert json.loads(stream.recv())["op"] == "kernel-ready"
        calls = {
            "instantiate": {"objectIds": [], "values": [], "autoRun": False},
            "run": {"cellIds": [CELL], "codes": [code]},
        }
        for name, body in calls.items():
            answer = user.post(f"/api/kernel/{name}", headers=headers, json=body)
            assert answer.ok, answer.text
        while True:
            message = json.loads(stream.recv())
            data = message["data"]
            if message["op"] == "cell-op" and data["cell_id"] == CELL:
                console = data["console"] or []
                for item in console if isinstance(console, list) else [console]:
                    printed += item["data"]
                shown = (data["output"] or {}).get("data") or shown
            if message["op"] == "completed-run" and (shown or printed):
                return printed, shown
    finally:
        stream.close()


def test_marimo_answers_with_its_password(marimo):
    page = marimo.get("/")
    assert page.status_code == 200
    assert "<marimo-" in page.text


def test_marimo_refuses_without_its_password(client, marimo):
    for password in ("", "wrong", f"{uuid.uuid4()}"):
        stranger = client(marimo.url)
        assert login(stranger, password).status_code == 200
        assert stranger.get("/").headers["location"].startswith("/auth/login")
        assert stranger.get("/api/status").status_code == 401
        with pytest.raises((websocket.WebSocketException, OSError)):
            stranger.socket("/ws?session_id=s_123456&file=x.py").recv()


def test_the_password_stands_on_no_command_line(host, marimo, facts):
    found = host.check_output("cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' || true")
    assert "marimo" in found
    assert facts["password"] not in found


def test_a_cell_executes(marimo, notebook, facts):
    printed, shown = run(marimo, notebook, "print(sum(range(101)))\n6 * 7")
    assert printed == "5050\n"
    assert ">42<" in shown


def test_the_kernel_is_the_python_of_the_cell(marimo, notebook, facts):
    code = "import sys, platform\nprint(platform.python_version(), sys.prefix)"
    printed, _ = run(marimo, notebook, code)
    assert printed.split() == [facts["versions"]["python"], "/opt/python"]


def test_sql_runs_on_duckdb(marimo, notebook):
    code = 'import marimo as mo\nprint(mo.sql("select 6 * 7 as answer", output=False)["answer"][0])'
    assert run(marimo, notebook, code)[0] == "42\n"


def test_dark_mode_keeps_what_the_user_chose(host):
    file = "/tmp/dark/.config/marimo/marimo.toml"
    start = "env HOME=/tmp/dark WORKSPACE_DIR=/tmp/dark/work ONYXIA_SESSION_DIR=/tmp/dark/session"
    start += " DARK_MODE=%s /opt/onyxia-init.sh true"
    host.check_output("rm -rf /tmp/dark && mkdir /tmp/dark")
    host.check_output(start % "")
    assert not host.file(file).exists
    host.check_output(start % "true")
    assert host.file(file).content_string == '[display]\ntheme = "dark"\n'
    host.check_output(f"""echo '# mine' > {file}""")
    host.check_output(start % "true")
    assert host.file(file).content_string == "# mine\n"
