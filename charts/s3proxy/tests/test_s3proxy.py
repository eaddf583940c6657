"""The store as its chart starts it: its bucket is on the volume, and strangers are refused."""


def test_a_stranger_is_refused(client, facts):
    for path in ("/", "/data?list-type=2"):
        assert client(facts["url"]).get(path).status_code == 403, path
    assert client(facts["url"]).request("PUT", "/data/x", data=b"").status_code == 403


def test_its_bucket_is_on_the_volume(host):
    folder = "/var/lib/s3proxy/data"
    assert host.check_output(f"findmnt -n -o TARGET -T {folder}/buckets/data") == folder
    assert host.file(f"{folder}/buckets/data").is_directory


def test_nothing_writes_outside_of_the_volumes(host):
    assert host.run("touch /opt/s3proxy/x").rc != 0
    assert host.run("touch /tmp/x").rc == 0
