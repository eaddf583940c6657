"""The service is there."""


def test_it_is_there(host):
    assert host.file("/opt/metadata-editor/start").mode == 0o755
