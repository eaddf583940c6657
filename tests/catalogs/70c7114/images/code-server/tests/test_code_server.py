"""The tree of code-server, on a Debian with nothing else."""

import json
import shlex

ROOT = "/opt/code-server"
VSCODE = f"{ROOT}/lib/vscode"

# Starts the server on a free port, asks it, and ends it.
SERVE = r"""
const {spawn} = require("node:child_process"), net = require("node:net");
const probe = net.createServer().listen(0, "127.0.0.1", () => {
  const {port} = probe.address();
  probe.close(async () => {
    const server = spawn("/opt/code-server/bin/code-server",
      ["--auth", "none", "--bind-addr", `127.0.0.1:${port}`, "--disable-telemetry",
        "--disable-update-check"],
      {env: {...process.env, HOME: "/tmp/served"}, stdio: "ignore"});
    let page = "";
    for (let count = 0; count < 120 && !page.includes("workbench-web"); count += 1) {
      try { page = await (await fetch(`http://127.0.0.1:${port}/?folder=/tmp`)).text(); } catch {}
      await new Promise((done) => setTimeout(done, 250));
    }
    const health = await (await fetch(`http://127.0.0.1:${port}/healthz`)).json();
    server.kill();
    const found = page.includes("vscode-workbench-web-configuration");
    console.log(JSON.stringify([health.status, found]));
    process.exit();
  });
});
"""


def node(host, script, *arguments):
    """What a program of its Node prints; it must succeed."""
    words = " ".join(map(shlex.quote, arguments))
    return host.check_output(f"{ROOT}/lib/node -e {shlex.quote(script)} {words}")


def test_code_server_is_the_version_of_the_lock(host, facts):
    printed = host.check_output(f"HOME=/tmp/probe {ROOT}/bin/code-server --version")
    assert printed.splitlines()[-1].split()[0] == facts["versions"]["vscode"]


def test_it_serves_a_workbench_with_nothing_else(host):
    assert json.loads(node(host, SERVE)) in (["alive", True], ["expired", True])


def test_modules_with_machine_code_load(host):
    # Kerberos is for proxies that ask for it; its library comes with curl and git.
    found = host.check_output(
        f"find {ROOT} -name '*.node' ! -name '*.musl.node' ! -name kerberos.node"
    ).splitlines()
    assert len(found) >= 6
    node(host, "for (const file of process.argv.slice(1)) require(file)", *found)


def test_its_own_programs_run(host):
    # Without a shell of the user there is no terminal, and without ripgrep no search.
    spawn = (
        f'const pty = require("{VSCODE}/node_modules/node-pty"); '
        'const term = pty.spawn("sh", ["-c", "echo $((6*7))"], {}); let text = ""; '
        "term.onData((data) => (text += data)); term.onExit(() => console.log(text.trim()))"
    )
    assert node(host, spawn) == "42"
    ripgrep = host.check_output(f"ls {VSCODE}/node_modules/@vscode/ripgrep-universal/bin/*/rg")
    assert host.check_output(f"{ripgrep} --version").startswith("ripgrep ")


def test_only_what_a_session_needs_is_there(host):
    left = host.check_output(
        f"find {ROOT} \\( -name '*.map' -o -name '*.exe' -o -name obj.target -o -name '*.cc' "
        "-o -path '*/prebuilds/*' -name '*darwin*' \\) -print"
    )
    assert not left
    assert not host.check_output(f"find {ROOT} ! -type l \\( ! -user root -o -perm /022 \\)")
    assert not host.check_output(f"find {ROOT} -xtype l")
