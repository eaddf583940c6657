"""Start scripts as courses have them, run at the start of a session whose home is a new volume.

A row of scripts.json says what a script does, which programs its image must have (`needs`), and
what it prints; `root` is what it prints where the session may become root.
"""

import base64
import json
import shlex
from pathlib import Path

import pytest

ROWS = json.loads(Path(__file__).with_name("scripts.json").read_text(encoding="utf-8"))
FOLDER = "/tmp/scripts"
START = (
    "env --unset=WORKSPACE_DIR --unset=ROOT_PROJECT_DIRECTORY"
    f" HOME={FOLDER}/home ONYXIA_SESSION_DIR={FOLDER}/session /opt/onyxia-init.sh bash"
)
WHEEL = """
import zipfile
info = "probe_of_a_script-1.dist-info"
with zipfile.ZipFile("/tmp/scripts/probe_of_a_script-1-py3-none-any.whl", "w") as wheel:
    wheel.writestr("probe_of_a_script.py", "")
    name = "Metadata-Version: 2.1\\nName: probe-of-a-script\\nVersion: 1\\n"
    wheel.writestr(f"{info}/METADATA", name)
    kind = "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    wheel.writestr(f"{info}/WHEEL", kind)
    record = "probe_of_a_script.py,,\\n" + "".join(
        f"{info}/{file},,\\n" for file in ("METADATA", "WHEEL", "RECORD")
    )
    wheel.writestr(f"{info}/RECORD", record)
"""


def may_become_root(host):
    """Whether the image has the setting of the catalog, and the container lets it act."""
    return host.run("sudo -n true").rc == 0


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["does"].replace(" ", "-"))
def test_a_start_script_does_what_it_is_for(host, row):
    if not all(host.exists(name) for name in row["needs"]):
        return  # images without that program
    host.check_output(f"rm -rf {FOLDER} && mkdir -p {FOLDER}/home")
    if "/opt/python" in str(row["needs"]):
        host.check_output(f"python -c {shlex.quote(WHEEL)}")
    text = base64.b64encode(row["script"].encode()).decode()
    host.check_output(f"echo {text} | base64 -d > {FOLDER}/script.sh")
    run = host.run(f"{START} {FOLDER}/script.sh")
    shows = row["root"] if "root" in row and may_become_root(host) else row["shows"]
    assert run.stdout.strip() == shows, run.stdout + run.stderr
