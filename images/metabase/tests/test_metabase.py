"""Metabase as its makers publish it."""


def test_its_program_is_there(host):
    assert host.file("/app/metabase.jar").is_file
