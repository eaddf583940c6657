"""Whom a connection trusts, and which proxy it asks."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import requests
import trustme

from builder.catalog.models import Network, Proxy
from builder.common.errors import ConfigError
from builder.network.build_env import BUNDLES, effective_network
from builder.network.connections import (
    Session,
    UnencryptedError,
    certificate_folders,
    program_environment,
    proxy_for,
)
from tests.integration.session.servers import Answer, proxy, serve

pytestmark = pytest.mark.slow

NOTHING = Network()
PROXY = Network(proxy=Proxy(http="http://plain:1", https="http://secure:2"))


def _direct(hosts: str) -> Network:
    return Network(proxy=replace(PROXY.proxy, none=hosts))


class Site:
    """A site with a certificate of a CA that nobody knows; `ca` is a file of that."""

    def __init__(self, folder: Path, *, wants_client: bool = False) -> None:
        self.authority = trustme.CA()
        self.ca = folder / "ca.crt"
        self.ca.write_bytes(self.authority.cert_pem.bytes())
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert("127.0.0.1").configure_cert(self.context)
        if wants_client:
            self.authority.configure_trust(self.context)
            self.context.verify_mode = ssl.CERT_REQUIRED


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture
def url(site: Site) -> Iterator[str]:
    with serve(lambda _: Answer(body=b"fine"), tls=site.context) as serving:
        yield serving.url


def get(network: Network, url: str, *folders: Path) -> str:
    with Session(network, certificates=folders) as session:
        return session.get(url, timeout=10).text


def test_a_ca_that_nobody_named_is_not_trusted(url: str) -> None:
    with pytest.raises(requests.exceptions.SSLError):
        get(NOTHING, url)


def test_the_ca_of_the_catalog(site: Site, url: str) -> None:
    assert get(replace(NOTHING, ca=str(site.ca)), url) == "fine"


@pytest.mark.parametrize("name", ["BUILDER_CA", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE",
                                  "CURL_CA_BUNDLE"])  # fmt: skip
def test_the_ca_of_the_environment(site: Site, url: str, name: str) -> None:
    assert get(effective_network(NOTHING, {name: str(site.ca)}, {}), url) == "fine"


def test_a_folder_of_cas(site: Site, url: str, tmp_path: Path) -> None:
    """OpenSSL finds them there by the hash of their name, which `openssl rehash` makes."""
    from builder.common.process import Command, Runner

    folder = tmp_path / "certs"
    folder.mkdir()
    (folder / "own.pem").write_bytes(site.ca.read_bytes())
    Runner().run(Command(argv=("openssl", "rehash", str(folder))))
    assert (
        get(effective_network(NOTHING, {"SSL_CERT_DIR": f"/nowhere:{folder}"}, {}), url) == "fine"
    )


def test_one_ca_does_not_put_another_out(site: Site, url: str, tmp_path: Path) -> None:
    other = tmp_path / "other.crt"
    other.write_bytes(trustme.CA().cert_pem.bytes())
    found = effective_network(
        NOTHING, {"BUILDER_CA": str(other), "SSL_CERT_FILE": str(site.ca)}, {}
    )
    assert found.ca == str(other)
    assert get(found, url) == "fine"


def test_the_certificates_of_one_registry(site: Site, url: str, tmp_path: Path) -> None:
    folder = tmp_path / "certs.d" / "registry"
    folder.mkdir(parents=True)
    (folder / "ca.crt").write_bytes(site.ca.read_bytes())
    assert get(NOTHING, url, folder) == "fine"


def test_a_registry_that_wants_a_certificate(tmp_path: Path) -> None:
    site = Site(tmp_path, wants_client=True)
    client = site.authority.issue_cert("client@example.org")
    folder = tmp_path / "certs.d"
    folder.mkdir()
    (folder / "ca.crt").write_bytes(site.ca.read_bytes())
    with serve(lambda _: Answer(body=b"fine"), tls=site.context) as serving:
        with pytest.raises(requests.exceptions.ConnectionError):
            get(NOTHING, serving.url, folder)
        (folder / "client.cert").write_bytes(client.cert_chain_pems[0].bytes())
        (folder / "client.key").write_bytes(client.private_key_pem.bytes())
        assert get(NOTHING, serving.url, folder) == "fine"


def test_where_the_certificates_of_a_registry_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    folder = tmp_path / "containers" / "certs.d" / "registry.example:5000"
    assert certificate_folders("registry.example:5000") == ()
    folder.mkdir(parents=True)
    assert certificate_folders("registry.example:5000") == (folder,)


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "No such file or directory"), ("", "the file contains no certificate")],
)
def test_a_ca_that_cannot_be_read(tmp_path: Path, content: str | None, reason: str) -> None:
    file = tmp_path / "ca.crt"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ConfigError) as caught:
        get(replace(NOTHING, ca=str(file)), "https://127.0.0.1:9/")
    assert str(caught.value) == (
        f"{file}: the trusted certificates cannot be read: {reason}\n"
        "  hint: correct `network.ca`, BUILDER_CA or SSL_CERT_FILE, whichever names this file"
    )


def test_neither_a_password_of_netrc_nor_a_cookie_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login ann password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with (
        serve(lambda _: Answer(headers={"Set-Cookie": "a=b; Path=/"})) as serving,
        Session(NOTHING) as session,
    ):
        for _ in range(2):
            session.get(serving.url, timeout=10)
        for request in serving.requests:
            assert request.headers["Authorization"] is None
            assert request.headers["Cookie"] is None


@pytest.mark.parametrize(
    ("no_proxy", "url", "expected"),
    [
        ("", "https://a.example/x", {"https": "http://secure:2"}),
        ("", "http://a.example/x", {"http": "http://plain:1"}),
        ("", "http://127.0.0.1:5000/", {}),
        ("", "http://127.1.2.3/", {}),
        ("", "https://localhost:5000/", {}),
        ("", "http://[::1]:5000/", {}),
        ("*", "https://a.example/", {}),
        ("a.example", "https://a.example/", {}),
        ("a.example", "https://b.a.example/", {}),
        (".a.example", "https://a.example/", {}),
        ("*.a.example", "https://b.a.example/", {}),
        ("b.example, A.Example", "https://a.example:5000/", {}),
        ("b.example a.example", "https://a.example:5000/", {}),
        ("a.example:5000", "https://a.example:5000/", {}),
        ("a.example:443", "https://a.example/", {}),
        ("a.example:5000", "https://a.example/", {"https": "http://secure:2"}),
        ("a.example", "https://banana.example/", {"https": "http://secure:2"}),
        ("a.example", "https://aa.example/", {"https": "http://secure:2"}),
        ("10.0.0.0/8", "https://10.1.2.3/", {}),
        ("10.0.0.0/8", "https://11.1.2.3/", {"https": "http://secure:2"}),
        ("10.1.2.3", "https://10.1.2.3:5000/", {}),
        ("fd00::/8", "https://[fd00::1]/", {}),
        ("[fd00::1]:5000", "https://[fd00::1]:5000/", {}),
        ("a.example/8,", "https://a.example/", {"https": "http://secure:2"}),
    ],
)
def test_which_proxy_is_asked(no_proxy: str, url: str, expected: dict[str, str]) -> None:
    assert proxy_for(_direct(no_proxy), url) == expected


def test_a_redirect_is_followed_by_the_proxy_of_where_it_leads(site: Site) -> None:
    """From plain HTTP, which goes without a proxy here, to https, which does not."""
    site.authority.issue_cert("far.example").configure_cert(site.context)
    with (
        serve(lambda _: Answer(body=b"far"), tls=site.context) as far,
        serve(proxy(far.port)) as way,
        serve(lambda _: Answer(status=302, headers={"Location": "https://far.example/"})) as near,
    ):
        network = replace(NOTHING, ca=str(site.ca), proxy=Proxy(https=way.url))
        assert get(network, near.url) == "far"
        assert [request.path for request in way.requests] == ["far.example:443"]


@pytest.mark.parametrize("follows", [True, False])
def test_what_a_redirect_says_is_not_read_to_its_end(*, follows: bool) -> None:
    answers = {
        "/": Answer(status=302, headers={"Location": "/there"}, body=b"x" * (5 << 20)),
        "/there": Answer(body=b"fine"),
    }
    with serve(lambda request: answers[request.path]) as serving, Session(NOTHING) as session:
        answer = session.get(serving.url, timeout=10, allow_redirects=follows)
    redirect = answer.history[0] if follows else answer
    assert redirect.content == b""
    assert answer.status_code == (200 if follows else 302)


@pytest.mark.parametrize("is_same_host", [True, False])
def test_what_is_asked_over_tls_is_never_asked_unencrypted(
    site: Site, *, is_same_host: bool
) -> None:
    """A server behind a proxy that ends TLS calls itself by http; another host is refused."""
    with serve(lambda _: Answer(body=b"plain")) as plain:
        answers = {"/": Answer(status=302, headers={}), "/there": Answer(body=b"fine")}
        with (
            serve(lambda request: answers[request.path], tls=site.context) as serving,
            Session(replace(NOTHING, ca=str(site.ca))) as session,
        ):
            host = serving.host if is_same_host else plain.host
            answers["/"].headers["Location"] = f"http://{host}/there"  # type: ignore[index]
            if is_same_host:
                assert session.get(serving.url, timeout=10).text == "fine"
            else:
                with pytest.raises(UnencryptedError):
                    session.get(serving.url, timeout=10)
        assert plain.requests == []


def test_programs_without_a_network_of_the_catalog_are_told_nothing(tmp_path: Path) -> None:
    assert program_environment(replace(NOTHING, ca=BUNDLES[0]), tmp_path / "trusted.crt") == {}
    assert list(tmp_path.iterdir()) == []


def test_programs_get_the_proxies_but_for_this_machine(tmp_path: Path) -> None:
    found = program_environment(_direct("a.example"), tmp_path / "trusted.crt")
    direct = "a.example,localhost,127.0.0.1,::1"
    assert found == {
        "http_proxy": "http://plain:1", "HTTP_PROXY": "http://plain:1",
        "https_proxy": "http://secure:2", "HTTPS_PROXY": "http://secure:2",
        "no_proxy": direct, "NO_PROXY": direct,
    }  # fmt: skip


def test_programs_trust_the_ca_of_the_catalog_beside_the_machines(
    site: Site, tmp_path: Path
) -> None:
    found = program_environment(
        replace(NOTHING, ca=str(site.ca)), tmp_path / "state" / "trusted.crt"
    )
    bundle = tmp_path / "state" / "trusted.crt"
    assert found == {"SSL_CERT_FILE": str(bundle), "GIT_SSL_CAINFO": str(bundle)}
    text = bundle.read_bytes()
    assert site.ca.read_bytes() in text
    system = [Path(file) for file in BUNDLES if Path(file).is_file()]
    assert all(file.read_bytes() in text for file in system[:1])
