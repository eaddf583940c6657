"""A store that speaks S3: who may enter, and what it keeps."""

import hashlib
import hmac
import shlex
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
import requests

START = "dumb-init --single-child /opt/s3proxy/start 9100"
SCOPE = "us-east-1/s3/aws4_request"
LISTENS = "bash -c ': > /dev/tcp/127.0.0.1/9100'"


class Signed(requests.auth.AuthBase):
    """Signs requests as clients of S3 do (signature version 4), without the content."""

    def __init__(self, key, secret):
        self._key, self._secret = key, secret

    def __call__(self, request):
        now = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
        path, _, query = request.path_url.partition("?")
        named = {"host": request.url.split("/")[2], "x-amz-content-sha256": "UNSIGNED-PAYLOAD"}
        named["x-amz-date"] = now
        request.headers.update(named)
        lines = [request.method, path, "&".join(sorted(query.split("&")))]
        lines += [*(f"{name}:{text}" for name, text in named.items()), "", ";".join(named)]
        whole = hashlib.sha256("\n".join([*lines, "UNSIGNED-PAYLOAD"]).encode()).hexdigest()
        scope = f"{now[:8]}/{SCOPE}"
        sign = f"AWS4{self._secret}".encode()
        for text in (*scope.split("/"), f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{whole}"):
            sign = hmac.digest(sign, text.encode(), "sha256")
        request.headers["Authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={self._key}/{scope}, "
            f"SignedHeaders={';'.join(named)}, Signature={sign.hex()}"
        )
        return request


@pytest.fixture(scope="module")
def store(client, url, facts, wait_for):
    """`store(secret)`: somebody with a secret key, by default the right one."""

    def somebody(secret=facts["password"], key="admin"):
        return client(url(9000), auth=Signed(key, secret))

    def answers():
        try:
            return somebody().get("/").status_code == 200
        except requests.ConnectionError:
            return False

    wait_for("the store answers", answers, seconds=120)
    return somebody


@pytest.fixture
def other(second_server):
    """A store by a uid that a cluster chose; it is not started yet."""
    return second_server(START, port=9100, ready=LISTENS, environment={"S3_DATA": "{folder}/data"})


def test_s3proxy_is_the_version_of_the_lock(host, facts):
    jars = host.check_output("ls /opt/s3proxy/jars").split()
    assert f"s3proxy-{facts['versions']['s3proxy']}.jar" in jars


def test_objects_are_kept_with_what_is_said_of_them(store):
    user = store()
    assert user.request("PUT", "/asked").status_code == 200
    path, headers = f"/asked/{quote('a folder/né')}", {"x-amz-meta-who": "me"}
    for content in (b"first", b"second"):
        assert user.request("PUT", path, data=content, headers=headers).status_code == 200
    found = user.get(path)
    assert (found.content, found.headers["x-amz-meta-who"]) == (b"second", "me")
    assert user.get(path, headers={"Range": "bytes=1-3"}).content == b"eco"
    assert "<Key>a folder/né</Key>" in user.get("/asked?list-type=2").content.decode()
    assert user.request("DELETE", path).status_code == 204
    assert user.get(path).status_code == 404


def test_an_object_is_sent_in_parts(store):
    user, parts = store(), [b"a" * 5_242_880, b"b"]
    user.request("PUT", "/parts")
    begun = user.post("/parts/whole?uploads=").text
    upload = begun.partition("<UploadId>")[2].partition("<")[0]
    sent = ""
    for number, part in enumerate(parts, 1):
        where = f"/parts/whole?partNumber={number}&uploadId={quote(upload, safe='')}"
        tag = user.request("PUT", where, data=part).headers["ETag"]
        sent += f"<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>"
    end = f"<CompleteMultipartUpload>{sent}</CompleteMultipartUpload>"
    ended = user.post(f"/parts/whole?uploadId={quote(upload, safe='')}", data=end)
    assert ended.status_code == 200, ended.text
    assert user.get("/parts/whole").content == b"".join(parts)


@pytest.mark.parametrize(("key", "secret"), [("admin", "wrong"), ("admin", ""), ("root", None)])
def test_nobody_enters_without_the_key(store, facts, key, secret):
    user = store(facts["password"] if secret is None else secret, key)
    assert user.get("/").status_code == 403
    assert user.request("PUT", "/theirs").status_code == 403


def test_a_stranger_is_refused(client, url, store):
    for path in ("/closed", "/closed/x"):
        assert store().request("PUT", path, data=b"").status_code == 200
    for path in ("/", "/closed?list-type=2", "/closed/x"):
        assert client(url(9000)).get(path).status_code == 403, path
    assert client(url(9000)).request("PUT", "/theirs").status_code == 403


def test_any_uid_keeps_buckets_and_takes_another_key(other):
    odd = 'it\'s "odd"; \\ $(id) ${x} é\\n'
    other.start(S3_BUCKET="made")
    other.host.check_output(f"touch {other.folder}/data/made/kept")
    other.stop()
    other.start(S3_BUCKET="made", PASSWORD=odd)
    assert (
        other.host.check_output(f"ls {other.folder}/data/made; stat -c '%a %u' {other.folder}/data")
        == "kept\n700 12345"
    )
    assert other.run(f'grep -rlF "it\'s" {other.folder}').stdout == ""


def test_it_says_why_it_does_not_start(other):
    assert other.refuse(PASSWORD="") == "start: PASSWORD is unset, and nobody could enter\n"
    assert "S3_BUCKET is '../x'" in other.refuse(S3_BUCKET="../x")
    assert "cannot be written by uid 12345" in other.refuse(S3_DATA="/usr/data")


def test_the_secret_stands_on_no_command_line_and_in_no_file(host, facts, checks):
    checks.password_is_on_no_command_line(host, "org.gaul.s3proxy.Main", facts["password"])
    held = host.run(f"grep -rl {shlex.quote(facts['password'])} /var/lib/s3proxy /tmp")
    assert held.stdout == ""
