"""The folder holds the extension that the lock names."""

import json


def test_the_extension_is_the_version_of_the_lock(host, facts):
    (axis,) = set(facts["axes"]) - {"debian"}
    about = json.loads(host.check_output(f"cat /opt/extensions/{axis}/package.json"))
    assert about["version"] == facts["versions"][axis]
    assert {"name", "publisher", "engines"} <= about.keys()


def test_everybody_reads_it_and_nobody_changes_it(host):
    assert host.check_output("find /opt/extensions ! -perm -a+r") == ""
    assert host.check_output("find /opt/extensions ! -type l -perm /go+w") == ""
