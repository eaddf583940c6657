"""The authority is in the store of the system."""


def test_the_authority_is_trusted(host):
    assert host.file("/usr/local/share/ca-certificates/root.crt").exists
