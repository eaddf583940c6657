"""Scripts and packages come from servers that are verified; S3 is reached."""

from __future__ import annotations

import hashlib
import shutil
import sys
from pathlib import Path
from urllib.parse import quote
from urllib.request import urlopen

import pytest

from tests.integration.session.host import Host, environ
from tests.integration.session.servers import Answer, Authority, Serving, proxy, serve, watched
from tests.integration.session.values import CANARY, TEXT, WORD


def arguments(machine: Host) -> list[str]:
    """What the script of `site` was started with."""
    return (machine.home / "arguments").read_bytes().decode().split("\0")[:-1]


def test_scripts_are_run_with_their_arguments(machine: Host, web: Serving) -> None:
    url = f"{web.url}/script.sh?token=s3cret"
    words = f'one "two  three" \'four "\' fi\\ ve $(touch {CANARY}) * `id` -x --'
    ended = machine.start(PERSONAL_INIT_SCRIPT=url, PERSONAL_INIT_ARGS=words)
    assert ended.steps["personal script"] == "done"
    assert arguments(machine) == [
        "one", "two  three", 'four "', "fi ve", "$(touch", f"{CANARY})", "*", "`id`",
        "-x", "--",
    ]  # fmt: skip
    assert "s3cret" not in ended.log
    ended = machine.start(REGION_INIT_SCRIPT=url)
    assert ended.steps["region script"] == "done"
    assert arguments(machine) == [""]  # printf of nothing
    assert not list(machine.session.glob("script*"))


def test_a_region_script_can_be_pinned(machine: Host, web: Serving) -> None:
    url = f"{web.url}/script.sh"
    with urlopen(url) as answer:
        sum_ = hashlib.sha256(answer.read()).hexdigest()
    right = machine.start(REGION_INIT_SCRIPT=url, REGION_INIT_SCRIPT_CHECKSUM=sum_)
    assert right.steps["region script"] == "done"
    (machine.home / "arguments").unlink()
    wrong = machine.start(REGION_INIT_SCRIPT=url, REGION_INIT_SCRIPT_CHECKSUM="0" * 64)
    assert wrong.steps["region script"] == "failed (its sha256 is not REGION_INIT_SCRIPT_CHECKSUM)"
    assert not (machine.home / "arguments").exists()


def test_a_url_with_a_secret_stands_on_no_command_line(machine: Host) -> None:
    application = watched(lambda _: Answer(body=b"true\n"), secrets=("s3cret-in-url",))
    with serve(application) as server:
        ended = machine.start(
            PERSONAL_INIT_SCRIPT=f"{server.url}/a?token=s3cret-in-url{quote(WORD)}"
        )
    assert ended.steps["personal script"] == "done"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/failing.sh", "it ended with exit code 3"),
        ("/absent.sh", "curl: (22) The requested URL returned error: 404"),
        ("/page/", "the server answered with a page, not with a script"),
    ],
)
def test_scripts_that_fail_stop_nothing(
    machine: Host, web: Serving, path: str, reason: str
) -> None:
    url = f"{web.url}{path}"
    ended = machine.start("echo", "on", REGION_INIT_SCRIPT=url, PERSONAL_INIT_SCRIPT=url)
    assert ended.out == b"on\n"
    for step in ("region script", "personal script"):
        assert ended.steps[step] == f"failed ({reason})"


def test_scripts_come_over_verified_tls(
    machine: Host, secure_web: Serving, authority: Authority
) -> None:
    url = f"{secure_web.url}/script.sh"
    machine.home.mkdir()
    (machine.home / ".curlrc").write_text("insecure\n")
    ended = machine.start(PERSONAL_INIT_SCRIPT=url, REGION_INIT_SCRIPT=url)
    for step in ("region script", "personal script"):
        assert ended.steps[step].startswith("failed (curl: (60) SSL certificate problem")
    assert not (machine.home / "arguments").exists()
    trusted = {"PATH_TO_CA_BUNDLE": str(authority.bundle)}
    ended = machine.start(PERSONAL_INIT_SCRIPT=url, REGION_INIT_SCRIPT=url, **trusted)
    assert ended.steps["region script"] == ended.steps["personal script"] == "done"


def test_a_redirection_does_not_leave_tls(machine: Host, web: Serving) -> None:
    away = Answer(status=302, headers={"Location": f"{web.url}/script.sh"})
    with serve(lambda _: away) as server:
        ended = machine.start(PERSONAL_INIT_SCRIPT=f"{server.url}/a")
    assert ended.steps["personal script"].startswith("failed (curl: (1) Protocol")
    assert not web.requests


@pytest.mark.parametrize("size", [1 << 20, (1 << 20) + 1])
def test_a_script_has_a_largest_size(machine: Host, size: int) -> None:
    script = b"echo ran >&2\n".ljust(size, b"#")
    with serve(lambda _: Answer(body=script)) as server:
        ended = machine.start(PERSONAL_INIT_SCRIPT=f"{server.url}/a")
    fits = size == 1 << 20
    assert ended.steps["personal script"] == (
        "done" if fits else "failed (it is larger than 1 MiB)"
    )
    assert ("\nran\n" in ended.log) is fits
    assert not list(machine.session.glob("script*"))


def test_a_script_without_an_end_fills_no_disk(machine: Host) -> None:
    """Nor one whose length the server does not say."""
    with serve(lambda _: Answer(body=b"#" * 50_000_000)) as server:
        ended = machine.start(REGION_INIT_SCRIPT=f"{server.url}/a")
    assert ended.steps["region script"] == "failed (it is larger than 1 MiB)"


def test_by_plain_http_a_script_has_a_sum(machine: Host) -> None:
    script = b"echo ran >&2\n"
    sum_ = hashlib.sha256(script).hexdigest()
    with serve(lambda _: Answer(body=script)) as proxy:
        given = {"REGION_INIT_SCRIPT": "http://mirror.example/a", "HTTP_PROXY": proxy.url}
        with_sum = machine.start(**given, REGION_INIT_SCRIPT_CHECKSUM=f"sha256:{sum_}")
        assert with_sum.steps["region script"] == "done"
        asked = len(proxy.requests)
        assert machine.start(**given).steps["region script"] == (
            "failed (by plain http it could be changed on its way: use https, "
            "or REGION_INIT_SCRIPT_CHECKSUM)"
        )
        assert len(proxy.requests) == asked


S3_PYTHON = """
import boto3
client = boto3.client("s3")
client.create_bucket(Bucket="a-bucket")
client.put_object(Bucket="a-bucket", Key="key", Body=b"value")
print(client.get_object(Bucket="a-bucket", Key="key")["Body"].read().decode())
"""
S3_ADDRESS = """
import boto3
parameters = {"Bucket": "a-bucket", "Key": "key"}
print(boto3.client("s3").generate_presigned_url("get_object", Params=parameters).split("?")[0])
"""
S3_KEYS = {
    "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": TEXT.strip(), "AWS_SESSION_TOKEN": "",
}  # fmt: skip


@pytest.mark.parametrize("style", ["true", ""])
def test_boto3_works_out_of_the_box(machine: Host, s3: str, style: str) -> None:
    given = {**S3_KEYS, "AWS_ENDPOINT_URL": f"{s3}/", "AWS_PATH_STYLE_ACCESS": style}
    ended = machine.start(sys.executable, "-c", S3_PYTHON, **given)
    assert ended.out == b"value\n", ended.log


@pytest.mark.parametrize(
    ("style", "address"),
    [("true", "http://h:9/a-bucket/key"), ("false", "http://a-bucket.h:9/key")],
)
def test_false_is_false(machine: Host, style: str, address: str) -> None:
    given = {**S3_KEYS, "AWS_ENDPOINT_URL": "http://h:9", "AWS_PATH_STYLE_ACCESS": style}
    ended = machine.start(sys.executable, "-c", S3_ADDRESS, **given)
    assert ended.out.decode() == f"{address}\n"
    kept = environ((machine.session / "environ").read_bytes())
    assert kept["AWS_VIRTUAL_HOSTED_STYLE_REQUEST"] == {"true": "false", "false": "true"}[style]


def test_pip_takes_packages_of_the_mirror(
    machine: Host, secure_web: Serving, authority: Authority
) -> None:
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-cache-dir")
    ended = machine.start(
        *pip, "download", "--quiet", "--no-deps", "probe_of_the_mirror",
        PIP_REPOSITORY=f"{secure_web.url}/simple/", PATH_TO_CA_BUNDLE=str(authority.bundle),
    )  # fmt: skip
    assert ended.status == 0, ended.log
    assert [path.name for path in machine.work.iterdir()] == [
        "probe_of_the_mirror-1-py3-none-any.whl"
    ]


def test_every_program_is_told_of_the_bundle(machine: Host, authority: Authority) -> None:
    found = machine.start(PATH_TO_CA_BUNDLE=str(authority.bundle)).environment
    names = {name for name, value in found.items() if value == str(authority.bundle)}
    assert names == {
        "PATH_TO_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT",
        "GIT_SSL_CAINFO", "NODE_EXTRA_CA_CERTS", "npm_config_cafile", "AWS_CA_BUNDLE",
        "CONDA_SSL_VERIFY", "JULIA_SSL_CA_ROOTS_PATH", "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
    }  # fmt: skip


JAVA = """
import java.net.*;
public class Get {
    public static void main(String[] words) throws Exception {
        System.out.write(new URL(words[0]).openStream().readAllBytes());
        System.out.flush();
    }
}
"""


@pytest.mark.skipif(not shutil.which("javac"), reason="no JDK on this machine")
@pytest.mark.parametrize("own", ["", "-Duser.language=fr"])
def test_java_trusts_the_bundle(
    machine: Host, secure_web: Serving, authority: Authority, own: str
) -> None:
    source = machine.folder / "Get.java"
    source.write_text(JAVA)
    bundle = machine.folder / "bundle.crt"
    cut = "-----BEGIN CERTIFICATE-----\nMIIBszCC\n-----END CERTIFICATE-----\n"
    host = Path("/etc/ssl/certs/ca-certificates.crt")
    many = host.read_text() if host.exists() else ""
    bundle.write_text(f"# of a company\n{cut}{authority.bundle.read_text()}{many}{many}")
    given = {"JAVA_TOOL_OPTIONS": own} if own else {}
    get = ("java", str(source), f"{secure_web.url}/text")
    refused = machine.start(*get, **given)
    assert refused.status == 1
    assert "unable to find valid certification path" in refused.log
    ended = machine.start(*get, PATH_TO_CA_BUNDLE=str(bundle), **given)
    assert ended.out == b"over TLS\n", ended.log
    assert ended.steps["certificates"] == f"done ({bundle})"
    store = machine.session / "java" / "cacerts"
    assert store.stat().st_mode & 0o777 == 0o600
    assert own in environ((machine.session / "environ").read_bytes())["JAVA_TOOL_OPTIONS"]
    listed = machine.start("keytool", "-list", "-keystore", str(store), "-storepass", "changeit")
    roots = many.count("BEGIN CERTIFICATE") + authority.bundle.read_text().count("BEGIN CERT")
    assert f"contains {roots} entries".encode() in listed.out.replace(b"1 entry", b"1 entries")


@pytest.mark.skipif(not shutil.which("javac"), reason="no JDK on this machine")
def test_java_goes_through_the_proxy(
    machine: Host, secure_web: Serving, authority: Authority
) -> None:
    source = machine.folder / "Get.java"
    source.write_text(JAVA)
    with serve(proxy(secure_web.port)) as way:
        given = {"https_proxy": way.url, "PATH_TO_CA_BUNDLE": str(authority.bundle)}
        ended = machine.start("java", str(source), "https://mirror.example/text", **given)
        assert ended.out == b"over TLS\n", ended.log
        assert {request.path for request in way.requests} == {"mirror.example:443"}
        away = {**given, "NO_PROXY": ".other, mirror.example,10.0.0.0/8"}
        ended = machine.start("java", str(source), "https://mirror.example/text", **away)
        assert b"UnknownHostException: mirror.example" in ended.log.encode()


@pytest.mark.skipif(not shutil.which("java"), reason="no Java on this machine")
def test_what_java_is_told_of_proxies(machine: Host) -> None:
    given = {"http_proxy": "http://p.example/", "HTTPS_PROXY": "q.example:3128",
             "NO_PROXY": ".a.b,c, 10.0.0.0/8", "JAVA_TOOL_OPTIONS": "-Dx=y"}  # fmt: skip
    assert machine.start(**given).environment["JAVA_TOOL_OPTIONS"] == (
        "-Dhttp.proxyHost=p.example -Dhttp.proxyPort=80 "
        "-Dhttps.proxyHost=q.example -Dhttps.proxyPort=3128 "
        "-Dhttp.nonProxyHosts=localhost|127.*|[::1]|a.b|*.a.b|c|*.c -Dx=y"
    )
    (machine.folder / "file").touch()  # in the folder where it starts
    told = machine.start(**{**given, "NO_PROXY": "*"}).environment["JAVA_TOOL_OPTIONS"]
    assert told.split()[-2] == "-Dhttp.nonProxyHosts=localhost|127.*|[::1]|*"
    for odd in ("http://ann:pw@p.example:1", "https://p.example", "http://p.example -Dx=z"):
        assert "JAVA_TOOL_OPTIONS" not in machine.start(http_proxy=odd).environment


def test_java_is_not_told_of_what_is_no_bundle(machine: Host) -> None:
    bundle = machine.folder / "bundle.crt"
    bundle.write_text(
        "-----BEGIN TRUSTED CERTIFICATE-----\nMIIB\n-----END TRUSTED CERTIFICATE-----\n"
    )
    java = machine.folder / "jdk" / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text("#!/bin/sh\n")
    java.chmod(0o755)
    ended = machine.start(PATH_TO_CA_BUNDLE=str(bundle), JAVA_HOME=str(java.parents[1]))
    assert ended.steps["certificates"] == (
        f"done ({bundle}; but Java does not know it: it could not be given a key store)"
    )
    assert "JAVA_TOOL_OPTIONS" not in ended.environment


def test_a_folder_with_a_bundle_will_do(machine: Host, authority: Authority) -> None:
    (machine.folder / "ca-certificates.crt").write_bytes(authority.bundle.read_bytes())
    ended = machine.start(PATH_TO_CA_BUNDLE=f"{machine.folder}/")
    assert ended.steps["certificates"] == f"done ({machine.folder}/ca-certificates.crt)"
