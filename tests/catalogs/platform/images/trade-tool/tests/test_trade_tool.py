"""The service is there."""


def test_it_is_there(host):
    assert host.file("/opt/trade-tool/start").mode == 0o755
