"""MongoDB as its makers start it: whoever has no password reads nothing."""


def test_it_is_the_locked_version(host, facts):
    assert f"v{facts['versions']['mongodb']}" in host.check_output("mongod --version")
