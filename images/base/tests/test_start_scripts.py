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


def encoded(text):
    """A text as one word of a shell."""
    return base64.b64encode(text.encode()).decode()


def play(number, row):
    """The lines that play a row where its programs are there, and say what it printed."""
    needed = " && ".join(["true", *(f"command -v {name} > /dev/null" for name in row["needs"])])
    return f"""
if {needed}; then
  echo {encoded(row["script"])} | base64 --decode > {FOLDER}/script.sh
  bash {FOLDER}/script.sh > {FOLDER}/out 2> {FOLDER}/err < /dev/null
  echo {number} "$(base64 --wrap=0 {FOLDER}/out)." "$(base64 --wrap=0 {FOLDER}/err)."
fi
"""


@pytest.fixture(scope="module")
def played(host):
    """By number of a row what it printed, and what it said; one session plays them all."""
    wheel = f"test ! -x /opt/python/bin/python || python -c {shlex.quote(WHEEL)}\n"
    driver = wheel + "".join(play(number, row) for number, row in enumerate(ROWS))
    host.check_output(f"rm -rf {FOLDER} && mkdir -p {FOLDER}/home")
    host.check_output(f"echo {encoded(driver)} | base64 --decode > {FOLDER}/all.sh")
    found = {}
    for line in host.check_output(f"{START} {FOLDER}/all.sh").splitlines():
        number, *texts = line.split()
        found[int(number)] = [base64.b64decode(text[:-1]).decode() for text in texts]
    return found


def may_become_root(host):
    """Whether the image has the setting of the catalog, and the container lets it act."""
    return host.run("sudo -n true").rc == 0


@pytest.mark.parametrize("number", range(len(ROWS)))
def test_a_start_script_does_what_it_is_for(host, played, number):
    row = ROWS[number]
    if number not in played:
        assert not all(host.exists(name) for name in row["needs"])
        return  # an image without that program
    printed, said = played[number]
    shows = row["root"] if "root" in row and may_become_root(host) else row["shows"]
    assert printed.strip() == shows, f"{row['does']}: {printed}{said}"
