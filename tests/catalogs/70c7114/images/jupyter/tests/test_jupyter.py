"""JupyterLab, used as a browser uses it: over HTTP and WebSocket, from outside the container."""

import json
import re
import shlex
import uuid

import pytest
import websocket

PORT = 8888
WORK = "/home/onyxia/work"

# Per axis that brings a language: what its kernel calls it, and a cell that prints 5050.
LANGUAGES = {
    "python": ("python", "print(sum(range(101)))"),
    "r": ("R", "cat(sum(0:100))"),
    "julia": ("julia", "print(sum(0:100))"),
}


@pytest.fixture(scope="session")
def enter(client, url):
    """`enter(token)`: somebody with a token, or with none, once the server answers."""
    client(url(PORT)).wait("/api")

    def entered(token):
        headers = {"Authorization": f"token {token}"} if token else {}
        return client(url(PORT), headers=headers, allow_redirects=True)

    return entered


@pytest.fixture(scope="session")
def jupyter(enter, facts):
    """Somebody with the right token."""
    return enter(facts["password"])


def ask(user, method, path, **options):
    """The JSON that is answered, well."""
    answer = user.request(method, path, **options)
    answer.raise_for_status()
    return answer.json() if answer.content else None


def languages(facts):
    return {axis: LANGUAGES[axis] for axis in facts["axes"] if axis in LANGUAGES}


def execute(user, kernel, code):
    """Run a cell; what it printed, and how it ended."""
    message = {
        "header": {
            "msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "username": "smoke",
            "session": uuid.uuid4().hex, "version": "5.3",
        },
        "parent_header": {},
        "metadata": {},
        "content": {"code": code, "silent": False, "store_history": False, "allow_stdin": False},
        "channel": "shell",
    }  # fmt: skip
    printed = ""
    stream = user.socket(f"/api/kernels/{kernel}/channels")
    try:
        stream.send(json.dumps(message))
        while True:
            answer = json.loads(stream.recv())
            if answer["parent_header"].get("msg_id") != message["header"]["msg_id"]:
                continue
            if answer["msg_type"] == "stream":
                printed += answer["content"]["text"]
            if answer["msg_type"] == "error":
                return printed + "\n".join(answer["content"]["traceback"])
            if answer["msg_type"] == "status" and answer["content"]["execution_state"] == "idle":
                return printed
    finally:
        stream.close()


def test_jupyterlab_answers_with_its_token(jupyter):
    page = jupyter.get("/lab")
    assert page.ok
    assert "jupyter-config-data" in page.text


def test_jupyterlab_refuses_without_its_token(enter):
    for token in ("", "wrong", f"{uuid.uuid4()}"):
        stranger = enter(token)
        assert stranger.get("/api/contents").status_code == 403
        page = stranger.get("/lab", allow_redirects=False)
        assert page.status_code in (302, 403)
        with pytest.raises(websocket.WebSocketBadStatusException):
            stranger.socket("/api/events/subscribe")


def test_the_token_stands_on_no_command_line(host, jupyter, facts):
    found = host.check_output("cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' || true")
    assert "jupyter" in found
    assert facts["password"] not in found


def test_there_is_a_kernel_for_every_language_and_no_other(jupyter, facts):
    kernels = ask(jupyter, "GET", "/api/kernelspecs")["kernelspecs"].values()
    found = sorted(kernel["spec"]["language"] for kernel in kernels)
    assert found == sorted(name for name, _ in languages(facts).values())


def test_every_kernel_executes_a_cell(jupyter, facts):
    specs = ask(jupyter, "GET", "/api/kernelspecs")["kernelspecs"]
    for axis, (language, code) in languages(facts).items():
        name = next(key for key, item in specs.items() if item["spec"]["language"] == language)
        kernel = ask(jupyter, "POST", "/api/kernels", json={"name": name})["id"]
        try:
            assert execute(jupyter, kernel, code).strip() == "5050", axis
        finally:
            jupyter.request("DELETE", f"/api/kernels/{kernel}")


def test_the_kernel_is_the_language_of_the_cell(jupyter, facts):
    asked = {"python": "import platform; print(platform.python_version())",
             "r": "cat(format(getRversion()))", "julia": "print(VERSION)"}  # fmt: skip
    specs = ask(jupyter, "GET", "/api/kernelspecs")["kernelspecs"]
    for axis, (language, _) in languages(facts).items():
        name = next(key for key, item in specs.items() if item["spec"]["language"] == language)
        kernel = ask(jupyter, "POST", "/api/kernels", json={"name": name})["id"]
        try:
            assert execute(jupyter, kernel, asked[axis]).strip() == facts["versions"][axis]
        finally:
            jupyter.request("DELETE", f"/api/kernels/{kernel}")


def test_kernels_do_not_lie_in_the_home_directory(host):
    specs = json.loads(
        host.check_output("env HOME=/tmp/another jupyter kernelspec list --json 2>/dev/null")
    )["kernelspecs"]
    assert specs
    for name, spec in specs.items():
        assert not spec["resource_dir"].startswith("/home/"), name
        assert host.exists(spec["spec"]["argv"][0]), name


def test_git_is_beside_the_files(host, jupyter):
    host.check_output(
        f"rm -rf {WORK}/probe && git init --quiet --initial-branch=topic {WORK}/probe"
    )
    try:
        found = ask(jupyter, "POST", "/git/probe/branch")
        assert found["current_branch"]["name"] == "topic", found
    finally:
        host.check_output(f"rm -rf {WORK}/probe")


def test_extensions_of_the_page_are_enabled(host):
    found = host.check_output("jupyter labextension list 2>&1")
    for name in ("@jupyterlab/git", "@jupyter-widgets/jupyterlab-manager"):
        assert re.search(rf"{re.escape(name)} v\S+ .*enabled.*OK", found), found


def test_a_widget_has_a_kernel_side(jupyter, facts):
    if "python" not in facts["axes"]:
        assert "python" not in languages(facts)
        return
    kernel = ask(jupyter, "POST", "/api/kernels", json={"name": "python3"})["id"]
    try:
        code = "import ipywidgets; print(ipywidgets.IntSlider(value=42).value)"
        assert execute(jupyter, kernel, code).strip() == "42"
    finally:
        jupyter.request("DELETE", f"/api/kernels/{kernel}")


def settings(host, environment, key):
    """What a server that starts in this environment would be told."""
    read = (
        "from traitlets.config.loader import PyFileConfigLoader as L; "
        f'print(L("/etc/jupyter/jupyter_server_config.py").load_config().{key})'
    )
    return host.check_output(f"env {environment} /opt/python/bin/python -c {shlex.quote(read)}")


def test_the_project_that_was_cloned_is_opened(host):
    host.check_output("mkdir -p '/tmp/projects/my project'")
    place = "ROOT_PROJECT_DIRECTORY=/tmp/projects ONYXIA_PROJECT_DIRECTORY=%s"
    opened = place % "'/tmp/projects/my project'"
    assert settings(host, opened, "ServerApp.root_dir") == "/tmp/projects"
    assert settings(host, opened, "FileContentsManager.preferred_dir") == "my project"
    for elsewhere in ("/tmp/projects", "/usr", "/nowhere", ""):
        found = settings(host, place % elsewhere, "FileContentsManager.get('preferred_dir')")
        assert found == "None", elsewhere


def test_dark_mode_keeps_what_the_user_chose(host):
    file = "/tmp/dark/.jupyter/lab/user-settings/@jupyterlab/apputils-extension"
    file += "/themes.jupyterlab-settings"
    start = "env HOME=/tmp/dark WORKSPACE_DIR=/tmp/dark/work ONYXIA_SESSION_DIR=/tmp/dark/session"
    start += " DARK_MODE=%s /opt/onyxia-init.sh true"
    host.check_output("rm -rf /tmp/dark && mkdir /tmp/dark")
    host.check_output(start % "")
    assert not host.file(file).exists
    host.check_output(start % "true")
    assert json.loads(host.file(file).content_string) == {"theme": "JupyterLab Dark"}
    host.check_output(f"""echo '{{"theme": "JupyterLab Light"}}' > {file}""")
    host.check_output(start % "true")
    assert json.loads(host.file(file).content_string) == {"theme": "JupyterLab Light"}


def test_files_lie_in_the_work_directory(host, jupyter):
    note = {"type": "file", "format": "text", "content": "é\n"}
    ask(jupyter, "PUT", "/api/contents/probe.txt", json=note)
    assert host.file(f"{WORK}/probe.txt").content_string == "é\n"
    jupyter.request("DELETE", "/api/contents/probe.txt")


def test_a_terminal_opens_in_the_work_directory(jupyter):
    name = ask(jupyter, "POST", "/api/terminals")["name"]
    stream = jupyter.socket(f"/terminals/websocket/{name}")
    printed = ""
    try:
        stream.send(json.dumps(["stdin", 'echo "<$PWD $((6*7)) $(command -v jupyter)>"\r']))
        while "bin/jupyter>" not in printed:
            kind, *text = json.loads(stream.recv())
            printed += text[0] if kind == "stdout" else ""
    finally:
        stream.close()
        jupyter.request("DELETE", f"/api/terminals/{name}")
    assert f"<{WORK} 42 /opt/python/bin/jupyter>" in printed


def test_nothing_was_compiled_at_the_start(host, jupyter):
    # An engine writes the host name at the start of a container.
    found = host.check_output(
        "find /opt /usr -xdev -name '*.pyc' -newer /etc/hostname 2>/dev/null || true"
    )
    assert not found
