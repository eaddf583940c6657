"""What holds for every image: its tests are inherited by all that stand on base."""

import re

import pytest

HOME = "/home/onyxia"
WORK = f"{HOME}/work"
TOOLS = (
    "aws", "bash", "curl", "duckdb", "git", "gpg", "helm", "jq", "kubectl", "less", "locale-gen",
    "nano", "ps", "psql", "ssh", "ssh-keygen", "tini", "unzip", "vim", "wget", "xz",
)  # fmt: skip

# Each of them says what it is, which takes its libraries, and says it without a network.
VERSIONS = (
    "aws --version", "duckdb --version", "git --version", "helm version", "jq --version",
    "kubectl version --client", "psql --version",
)  # fmt: skip

# Where the user may write: home, what a recipe gives to the user, and scratch space.
WRITABLE = (
    HOME, "/opt/python", "/etc/R/*.site", "/opt/R/*/lib/R/etc/*.site", "/tmp", "/var/tmp",
    "/run/lock",
)  # fmt: skip

# Debian's own. Without a password and with no sudo, none of them gets the user anywhere.
PRIVILEGED = {
    "chage", "chfn", "chsh", "expiry", "gpasswd", "mount", "newgrp", "passwd", "ssh-agent",
    "ssh-keysign", "su", "umount", "unix_chkpwd",
}  # fmt: skip
SUDO = "/etc/sudoers.d/onyxia"  # where the matrix says that a session may become root

# Bytecode is right if it was made from the source that lies beside it; otherwise it is made anew
# at every start, because a session does not keep what it writes outside its volume.
STALE_BYTECODE = r"""
import importlib.util as util, os, pathlib, struct, sys
for root in ("/usr/lib/python3", f"/usr/lib/python3.{sys.version_info[1]}", "/opt/python"):
    for path in pathlib.Path(root).rglob(f"*.{sys.implementation.cache_tag}.pyc"):
        data = path.read_bytes()
        if data[:4] != util.MAGIC_NUMBER:
            print(path, "is of another Python")
            continue
        source = pathlib.Path(util.source_from_cache(str(path)))
        if not source.exists():
            print(path, "has no source")
        elif struct.unpack("<I", data[4:8])[0] & 1:
            if data[8:16] != util.source_hash(source.read_bytes()):
                print(path, "is of another source")
        elif struct.unpack("<I", data[8:12])[0] != int(source.stat().st_mtime):
            print(path, "is older than its source")
"""


# A session beside the one that the container started with.
INIT = "HOME=/tmp/init WORKSPACE_DIR=/tmp/init/work ONYXIA_SESSION_DIR=/tmp/init/session"


def lines(host, command):
    """What a command prints, as lines; it must succeed."""
    return host.check_output(command).splitlines()


def test_debian_is_the_line_of_the_matrix(host, facts):
    release = dict(line.split("=", 1) for line in lines(host, "cat /etc/os-release") if "=" in line)
    # Testing has no number before its release, and a name alone.
    number = release.get("VERSION_ID") or {"forky": "14"}[release["VERSION_CODENAME"]]
    assert number.strip('"') == facts["axes"]["debian"]


def test_user_is_onyxia(host):
    assert host.check_output("id -u -n; id -u; id -g; id -G") == "onyxia\n1000\n100\n100"
    assert host.check_output("echo $USERNAME $GROUPNAME $GID") == "onyxia users 100"


def test_environment_fits_the_user(host):
    # In a login shell too, which is what a terminal is.
    for shell in ("sh -c", "bash -lc"):
        found = host.check_output(f"{shell} 'echo $HOME $LANG $WORKSPACE_DIR; locale charmap'")
        assert found == f"{HOME} C.UTF-8 {WORK}\nUTF-8", shell


def test_user_writes_where_a_session_works(host):
    for folder in (HOME, WORK, "/tmp"):
        assert host.run(f"touch {folder}/.probe && rm {folder}/.probe").rc == 0, folder


def test_user_writes_nowhere_else(host):
    ours = " -o ".join(f"-path '{folder}'" for folder in WRITABLE)
    found = lines(
        host, rf"find / -xdev \( {ours} \) -prune -o -writable ! -type l -print 2>/dev/null || true"
    )
    assert found == []


def test_nothing_new_is_privileged(host):
    found = lines(host, "find / -xdev -type f -perm /6000 2>/dev/null || true")
    allowed = PRIVILEGED | ({"sudo"} if host.exists(SUDO) else set())
    assert {path.rsplit("/", 1)[1] for path in found} <= allowed


def test_the_user_becomes_root_where_the_matrix_says_so_and_nowhere_else(host):
    told = "this session has no root"
    become = host.run("sudo -n id -u")
    locked = host.run("grep -q '^NoNewPrivs:[[:space:]]*1' /proc/self/status").rc == 0
    if host.exists(SUDO) and not locked:
        assert become.stdout == "0\n", become.stderr
    else:
        assert (become.rc, become.stdout, told in become.stderr) == (1, "", True)


def test_package_lists_and_logs_are_gone(host):
    found = lines(
        host,
        "find /var/lib/apt/lists /var/cache/apt /var/cache/pip /var/log /run/secrets"
        " -type f -size +0 2>/dev/null || true",
    )
    assert not found


def test_tools_are_there(host):
    assert not [tool for tool in TOOLS if not host.exists(tool)]


def test_tools_run(host):
    for command in VERSIONS:
        assert any(letter.isdigit() for letter in host.check_output(command)), command


def test_duckdb_has_its_extension_for_s3(host):
    code = "LOAD httpfs; SELECT sum(range) FROM range(101)"
    assert host.check_output(f"duckdb -csv -noheader -c '{code}'") == "5050"


def test_packages_of_debian_are_installed(host, facts):
    names = facts["packages"].get("apt", [])
    plain = [name.split("=")[0] for name in names]
    found = lines(host, f"dpkg-query -W -f '${{Package}} ${{Status}}\\n' dpkg {' '.join(plain)}")
    installed = {line.split()[0] for line in found if line.endswith(" installed")}
    assert set(plain) <= installed


def test_certificates_are_trusted(host):
    assert host.run("curl --silent --max-time 5 https://127.0.0.1:1/").rc == 7  # not 77: no bundle
    assert int(host.check_output("grep -c BEGIN /etc/ssl/certs/ca-certificates.crt")) > 100


def test_bytecode_is_valid(host):
    if not host.exists("python3"):
        assert not lines(host, "find / -xdev -name '*.pyc' 2>/dev/null || true")
        return
    assert not lines(host, f"python3 -c '{STALE_BYTECODE.replace(chr(39), chr(34))}'")


def test_init_is_process_1_and_runs_the_command(host):
    arguments = host.check_output("tr '\\0' ' ' </proc/1/cmdline")
    # Where the kernel emulates the platform, the emulator and the program's path stand first.
    assert re.match(r"(/\S*qemu\S* /usr/bin/tini )?tini -- /opt/onyxia-init\.sh ", arguments)
    child = host.check_output("cat /proc/1/task/1/children").split()[0]
    assert "onyxia-init" not in host.check_output(f"tr '\\0' ' ' </proc/{child}/cmdline")
    assert host.check_output(f"readlink /proc/{child}/cwd") == WORK
    # The engine must not be the one to create the work directory, where a volume hides it.
    assert host.check_output("readlink /proc/1/cwd") == HOME


def test_init_reports_its_steps_and_clones(host):
    host.check_output(
        "rm -rf /tmp/init && mkdir -p /tmp/init && git init --quiet --bare /tmp/init/project.git"
    )
    run = host.run(
        f'env {INIT} GIT_USER_NAME="An O\'Name" '
        "GIT_USER_MAIL=a@example.org GIT_REPOSITORY=/tmp/init/project.git "
        "/opt/onyxia-init.sh sh -c 'pwd; git config user.name; git -C project remote -v; exit 7'"
    )
    assert run.rc == 7, run.stderr
    assert run.stdout.splitlines()[:2] == ["/tmp/init/work", "An O'Name"]
    assert "/tmp/init/project.git" in run.stdout
    assert "onyxia-init: git identity: done" in run.stderr
    assert "onyxia-init: git token: skipped" in run.stderr
    assert "onyxia-init: git clone: done" in run.stderr


def test_init_goes_on_after_a_failure_and_keeps_the_token(host):
    run = host.run(
        f"rm -rf /tmp/init && mkdir -p /tmp/init && env {INIT} "
        "GIT_REPOSITORY=https://someone:se%%cret@127.0.0.1:1/a/project.git "
        "GIT_TOKEN_HOSTS=127.0.0.1 GIT_PERSONAL_ACCESS_TOKEN=hunter2 /opt/onyxia-init.sh sh -c "
        '\'printf "protocol=https\\nhost=127.0.0.1:1\\n\\n" | git credential fill; '
        "git credential-cache --socket=/tmp/init/session/git/socket exit; "
        "grep -r hunter2 /tmp/init && exit 1; exit 7'"
    )
    assert run.rc == 7, run.stdout + run.stderr
    assert "onyxia-init: git token: done" in run.stderr
    assert "onyxia-init: git clone: failed" in run.stderr
    assert "hunter2" not in run.stderr
    assert "cret" not in run.stderr
    assert "username=someone" in run.stdout
    assert "password=hunter2" in run.stdout


def test_a_folder_of_a_project_is_no_repository(host):
    """As one that is cloned may hold: its settings would name programs for git to run."""
    host.check_output("rm -rf /tmp/project && git init --quiet --bare /tmp/project/inside.git")
    assert host.run("git -C /tmp/project/inside.git status").rc == 128
    host.check_output("git --git-dir=/tmp/project/inside.git log --all")
    host.check_output("git clone --quiet /tmp/project/inside.git /tmp/project/clone")


def test_shells_that_do_not_descend_from_the_service_have_its_environment(host, facts):
    for shell in ("bash -lc", "bash -ic", "sh -lc"):
        found = host.run(f"env -i HOME=$HOME {shell} 'echo $ONYXIA_SESSION $PASSWORD'")
        assert found.stdout == f"/tmp/onyxia-session {facts['password']}\n", shell
    assert host.check_output("stat -c %a /tmp/onyxia-session /tmp/onyxia-session/*env*") == (
        "700\n600\n600"
    )


@pytest.mark.last
def test_sigterm_ends_the_session(host, wait_for):
    host.run("kill -TERM 1")
    wait_for("the container has ended", lambda: host.run("true").rc != 0, seconds=20)
