"""VS Code, used as a browser uses it: over HTTP, from outside the container, and in Chromium."""

import contextlib
import json
import os
import re
import shlex
from pathlib import Path

import pytest
import testinfra
from playwright.sync_api import TimeoutError, expect

PORT = 8080
WORK = "/home/onyxia/work"
ROOT = "/opt/code-server"
DATA = ".local/share/code-server"

# Per language of the cell: the setting that names its program, and how that says its version.
PROGRAMS = {
    "python": ("python.defaultInterpreterPath", "--version"),
    "r": ("r.rpath.linux", "--version"),
    "julia": ("julia.executablePath", "--version"),
}

# An extension as small as one can be: a zip with two files.
EXTENSION = r"""
const zlib = require("zlib"), fs = require("fs");
const files = {
  "extension/package.json": JSON.stringify({name: "probe", publisher: "smoke", version: "1.2.3",
    engines: {vscode: "*"}, contributes: {}}),
  "extension.vsixmanifest": "<PackageManifest><Metadata><Identity Id=\"probe\" Version=\"1.2.3\" " +
    "Publisher=\"smoke\"/></Metadata></PackageManifest>",
};
const parts = [], index = [];
let offset = 0;
for (const [name, text] of Object.entries(files)) {
  const data = Buffer.from(text), title = Buffer.from(name), local = Buffer.alloc(30);
  local.writeUInt32LE(0x04034b50, 0); local.writeUInt16LE(20, 4);
  local.writeUInt32LE(zlib.crc32(data), 14); local.writeUInt32LE(data.length, 18);
  local.writeUInt32LE(data.length, 22); local.writeUInt16LE(title.length, 26);
  const entry = Buffer.alloc(46);
  entry.writeUInt32LE(0x02014b50, 0); entry.writeUInt16LE(20, 4); entry.writeUInt16LE(20, 6);
  local.copy(entry, 16, 14, 30); entry.writeUInt32LE(offset, 42);
  parts.push(local, title, data); index.push(entry, title);
  offset += 30 + title.length + data.length;
}
const directory = Buffer.concat(index), end = Buffer.alloc(22);
end.writeUInt32LE(0x06054b50, 0); end.writeUInt16LE(2, 8); end.writeUInt16LE(2, 10);
end.writeUInt32LE(directory.length, 12); end.writeUInt32LE(offset, 16);
fs.writeFileSync("/tmp/probe.vsix", Buffer.concat([...parts, directory, end]));
"""


@pytest.fixture(scope="session")
def vscode(client, url):
    """A stranger, once the server answers."""
    return client(url(PORT)).wait("/healthz")


@pytest.fixture(scope="session")
def user(client, vscode, facts):
    """Somebody who knows the password."""
    somebody = client(vscode.url)
    assert login(somebody, facts["password"]).status_code == 302
    return somebody


def login(somebody, password):
    """What the form is answered with."""
    return somebody.post("/login", data={"password": password})


def node(host, script, *arguments):
    """What a program of the Node inside prints; it must succeed."""
    words = " ".join(map(shlex.quote, arguments))
    return host.check_output(f"{ROOT}/lib/node -e {shlex.quote(script)} {words}")


def defaults(host):
    """What its settings are where the user has made none."""
    path = f"{ROOT}/lib/vscode/extensions/session-defaults/package.json"
    return json.loads(host.check_output(f"cat {path}"))["contributes"]["configurationDefaults"]


def test_vscode_answers(vscode):
    answer = vscode.get("/healthz")
    assert answer.status_code == 200
    assert answer.json()["status"] in ("alive", "expired")


def test_vscode_is_the_version_of_the_lock(host, facts):
    version = host.check_output("code-server --version").split()[0]
    assert version == facts["versions"]["vscode"]
    assert f"{version}.".startswith(f"{facts['axes']['vscode']}.")


def test_the_login_page_takes_the_right_password_alone(checks, client, vscode, facts):
    password, shows = facts["password"], "vscode-workbench-web-configuration"
    checks.password_opens_it(client, vscode.url, password, form="/login", shows=shows)
    checks.other_passwords_do_not(client, vscode.url, password, form="/login")
    page = client(vscode.url).post("/login", data={"password": f"not-{password}"}).text
    assert 'type="password"' in page
    assert "Incorrect password" in page


def test_without_a_login_nothing_is_served(vscode):
    assert vscode.get("/").headers["location"].startswith("./login")
    for path in ("/vscode-remote-resource?path=/etc/passwd", "/proxy/8080/", "/mint-key"):
        assert vscode.get(path).status_code in (401, 302, 403, 404), path
        assert "root:x:0" not in vscode.get(path).text


def test_the_password_stands_on_no_command_line(checks, host, vscode, facts):
    checks.password_is_on_no_command_line(host, ROOT, facts["password"])


def test_it_opens_the_project_directory(user):
    assert user.get("/").headers["location"].endswith(f"?folder={WORK}")


def test_modules_with_machine_code_load(host):
    found = host.check_output(f"find {ROOT} -name '*.node' ! -name '*.musl.node'").splitlines()
    assert {"argon2.glibc.node", "kerberos.node", "pty.node", "spdlog.node", "vscode-sqlite3.node",
            "watchdog.node", "watcher.node"} <= {Path(path).name for path in found}  # fmt: skip
    node(host, "for (const file of process.argv.slice(1)) require(file)", *found)


def test_settings_name_the_programs_of_the_cell(host, facts):
    settings = defaults(host)
    for axis, (key, flag) in PROGRAMS.items():
        assert (key in settings) is (axis in facts["axes"]), axis
        if axis in facts["axes"]:
            version = host.check_output(f"{shlex.quote(settings[key])} {flag}")
            assert facts["versions"][axis] in version


def test_it_tells_nobody_and_looks_for_no_update(host, vscode):
    config = host.check_output('cat "$CODE_SERVER_CONFIG"')
    for flag in ("disable-telemetry", "disable-update-check"):
        assert f"{flag}: true\n" in f"{config}\n"
    assert not host.file(f"{ROOT}/lib/vscode/extensions/copilot").exists


def test_the_user_installs_an_extension(host, vscode):
    node(host, EXTENSION)
    cli = "env HOME=/tmp/probe-home code-server"
    host.check_output(f"{cli} --install-extension /tmp/probe.vsix")
    assert "smoke.probe@1.2.3" in host.check_output(f"{cli} --list-extensions --show-versions")
    host.check_output(f"{cli} --uninstall-extension smoke.probe")
    assert "smoke.probe" not in host.check_output(f"{cli} --list-extensions")
    # Where the service keeps them, too.
    assert host.run(f"test -w $HOME/{DATA}").rc == 0


def test_dark_mode_keeps_what_the_user_chose(checks, host):
    def chosen(text):
        settings = json.loads(text)
        return {key: settings.get(key) for key in ("workbench.colorTheme", "editor.fontSize")}

    dark = {"workbench.colorTheme": "Dark 2026", "editor.fontSize": None}
    mine = '{"workbench.colorTheme": "Light 2026", "editor.fontSize": 20}'
    file = f"{DATA}/User/settings.json"
    checks.dark_mode_keeps_the_users_choice(host, file, dark=dark, mine=mine, read=chosen)


def test_a_folder_is_not_trusted_before_its_user_says_so(host):
    """A launch link may name the project that is opened."""
    assert "disable-workspace-trust" not in host.check_output('cat "$CODE_SERVER_CONFIG"')
    settings = json.loads(host.check_output(f'cat "$HOME/{DATA}/User/settings.json"'))
    assert settings["security.workspace.trust.startupPrompt"] == "once"
    assert settings["task.allowAutomaticTasks"] == "off"


def test_any_user_starts_it_without_a_home(host):
    """As a cluster may: a uid of nobody, with group 0, who may write to /tmp alone."""
    scheme, _, name = os.environ["BUILDER_HOST"].partition("://")
    other = testinfra.get_host(f"{scheme}://123456@{name}")
    assert other.check_output("id -u; id -g") == "123456\n0"
    other.check_output(
        "cd /tmp && env HOME=/tmp/other WORKSPACE_DIR=/tmp/other/work "
        "ONYXIA_SESSION_DIR=/tmp/other-session "
        "setsid /opt/onyxia-init.sh code-server --bind-addr 127.0.0.1:8099 "
        "> /tmp/other.log 2>&1 & echo $! > /tmp/other.pid"
    )
    try:
        answer = "curl --silent --retry 40 --retry-connrefused --retry-delay 1 127.0.0.1:8099"
        assert '"status"' in other.check_output(f"{answer}/healthz"), other.run(
            "cat /tmp/other.log"
        )
        # The server proper is loaded by the first page.
        login = f"{answer}/login --cookie-jar /tmp/other.jar --data-urlencode password@-"
        other.check_output(f'printf %s "$PASSWORD" | {login}')
        page = other.check_output(f"{answer}/?folder=/tmp --cookie /tmp/other.jar")
        assert "vscode-workbench-web-configuration" in page, other.run("cat /tmp/other.log").stdout
    finally:
        other.run("kill -- -$(cat /tmp/other.pid)")


def test_the_workbench_loads_and_its_terminal_works(
    host, vscode, facts, page, open_terminal, wait_for, picture
):
    page.goto(f"{vscode.url}/")
    page.fill("input[name=password]", facts["password"])
    page.keyboard.press("Enter")
    try:
        # The name of the folder comes from the extension host, on the other side.
        page.locator(".explorer-folders-view").wait_for(timeout=180_000)
        expect(page).to_have_title(re.compile("work"), timeout=180_000)
        page.locator(".monaco-workbench .statusbar-item").first.wait_for(
            state="attached", timeout=120_000
        )
        # A page that came before it learned the settings asks nothing.
        with contextlib.suppress(TimeoutError):
            page.get_by_role("button", name=re.compile("^(Yes, I trust|Trust Folder)")).click(
                timeout=20_000
            )
        open_terminal()
        command = f"echo $((6*7)) $PWD $(node --version 2>/dev/null || true) > {WORK}/.terminal"
        page.keyboard.insert_text(command)
        page.keyboard.press("Enter")
        written = host.file(f"{WORK}/.terminal")
        wait_for("the terminal wrote a file", lambda: written.exists, seconds=30)
    finally:
        page.screenshot(path=picture("workbench"))
    assert host.check_output(f"cat {WORK}/.terminal; rm {WORK}/.terminal").startswith(f"42 {WORK}")
    expect(page.locator(".monaco-workbench")).not_to_have_class(re.compile("vs-dark"))


def test_nothing_was_written_to_the_program(host, vscode):
    # An engine writes the host name at the start of a container.
    found = host.check_output(f"find {ROOT} /usr -xdev -newer /etc/hostname 2>/dev/null || true")
    assert not found
