"""Qdrant as its makers publish it."""


def test_it_is_the_locked_version(host, facts):
    version = facts["versions"]["qdrant"].removeprefix("v")
    assert version in host.check_output("/qdrant/qdrant --version")
