"""Analysts can import what they all use."""


def test_they_can_be_imported(host):
    assert host.run("python -c 'import pyjstat, statsmodels'").rc == 0
