"""What holds for every image that offers Python."""

PYTHON = "/opt/python/bin/python"

# Every distribution that is named must be there, and each of its top-level modules must load.
IMPORT = r"""
import importlib, importlib.metadata as metadata, re, sys
plain = lambda name: re.sub(r"[-_.]+", "-", re.split(r"[\[<>=!~; ]", name)[0]).lower()
modules = {}
for module, owners in metadata.packages_distributions().items():
    for owner in owners:
        modules.setdefault(plain(owner), []).append(module)
for name in sys.argv[1:]:
    for module in modules.get(plain(name), [name]):
        if module.isidentifier() and not module.startswith("_"):
            importlib.import_module(module)
"""

# A distribution as small as one can be, made without any package index.
WHEEL = r"""
import zipfile
info = "probe_of_the_session-1.dist-info"
with zipfile.ZipFile("/tmp/probe_of_the_session-1-py3-none-any.whl", "w") as wheel:
    wheel.writestr("probe_of_the_session.py", "ANSWER = 42\n")
    name = "Metadata-Version: 2.1\nName: probe-of-the-session\nVersion: 1\n"
    wheel.writestr(f"{info}/METADATA", name)
    kind = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    wheel.writestr(f"{info}/WHEEL", kind)
    wheel.writestr(f"{info}/RECORD", "")
"""


def python(host, code, *arguments):
    """What a program prints; it must succeed. The program holds no single quote."""
    assert "'" not in code
    return host.check_output(f"python -c '{code}' {' '.join(arguments)}")


def test_python_is_the_version_of_the_lock(host, facts):
    version = facts["versions"]["python"]
    assert host.check_output("python --version") == f"Python {version}"
    assert version.startswith(f"{facts['axes']['python']}.")


def test_python_is_the_one_of_every_shell(host):
    for shell in ("sh -c", "bash -c", "bash -lc"):
        assert host.check_output(f"{shell} 'command -v python3'") == f"{PYTHON}3", shell


def test_no_file_tells_when_packages_were_installed(host):
    # uv notes the times of what it installs from, in a file beside what a package is.
    assert host.check_output("find /opt/python -name uv_cache.json") == ""
    assert host.run("grep -rl uv_cache.json /opt/python/lib --include=RECORD").rc == 1


def test_python_computes(host):
    code = "import ssl, sqlite3, lzma, ctypes, zoneinfo; print(sum(range(101)))"
    assert python(host, code) == "5050"


def test_user_installs_and_removes_packages(host):
    python(host, WHEEL)
    host.check_output("pip install --quiet --no-index /tmp/probe_of_the_session-1-py3-none-any.whl")
    assert python(host, "import probe_of_the_session as probe; print(probe.ANSWER)") == "42"
    host.check_output("pip uninstall --quiet --yes probe-of-the-session")
    # Also over what the image brought: an upgrade must be able to replace it.
    assert not host.check_output("find /opt/python ! -writable ! -type l")


def test_packages_of_python_load(host, facts):
    names = facts["packages"].get("pip", [])
    python(host, IMPORT, *(f"'{name}'" for name in names))


def test_packages_of_python_fit_together(host):
    assert host.check_output("pip check") == "No broken requirements found."
