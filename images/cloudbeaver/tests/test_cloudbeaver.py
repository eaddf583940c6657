"""CloudBeaver as its makers publish it."""


def test_its_program_is_there(host):
    assert host.file("/opt/cloudbeaver/run-server.sh").is_file
