"""How builds reach the network: the shell file, read by a real sh."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from builder.catalog.models import Network, Proxy
from builder.common.errors import ConfigError
from builder.common.process import Command, Runner
from builder.network.build_env import (
    build_env,
    build_secrets,
    effective_network,
    passwords,
    proxies,
    replace_urls,
    substitution,
)
from builder.network.upstreams import UPSTREAM
from tests.fakes.ecosystems import BUILT_IN

ODD = "https://me:p%40s'$(x)&|s\\@mirror.example.org/a b/"
SOURCES = """\
# comment
deb http://archive.example/debian trixie main
deb [signed-by=/usr/share/keyrings/x.gpg] http://security.example/debian-security s main
"""
DEB822 = "Types: deb\nURIs: http://archive.example/debian\nSuites: trixie trixie-updates\n"


VARIABLES = tuple(it for rules in BUILT_IN.values() for it in rules.mirror_variables)


def network(
    *, http_proxy: str = "", https_proxy: str = "", no_proxy: str = "", **more: object
) -> Network:
    proxy = Proxy(http=http_proxy, https=https_proxy, none=no_proxy)
    return Network(proxy=proxy, variables=VARIABLES, **more)  # type: ignore[arg-type]


def effective(given: Network, environment: dict[str, str]) -> Network:
    return effective_network(given, environment, BUILT_IN)


def read_by_sh(runner: Runner, text: str, *names: str) -> list[str]:
    """The values that variables have once a shell has read a file, which writes to a folder."""
    with tempfile.TemporaryDirectory() as folder:
        script = text.replace("/dev/shm", folder) + "".join(
            f'printf "%s\\0" "${{{name}-unset}}"\n' for name in names
        )
        return runner.run(Command(argv=("sh", "-eu", "-c", script))).stdout.split("\0")[:-1]


def test_nothing_to_say() -> None:
    assert build_env(network()) == "\n"


def test_proxies_in_both_cases(runner: Runner) -> None:
    text = build_env(network(http_proxy=ODD, https_proxy="http://b:2", no_proxy="a,.b"))
    names = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY")
    assert read_by_sh(runner, text, *names) == [
        ODD, ODD, "http://b:2", "http://b:2", "a,.b", "a,.b",
    ]  # fmt: skip


def test_a_proxy_that_is_not_set_is_left_alone() -> None:
    assert proxies(network(http_proxy="http://a:1")) == {
        "http_proxy": "http://a:1",
        "HTTP_PROXY": "http://a:1",
    }


def test_the_certificates(runner: Runner) -> None:
    names = ("PIP_CERT", "SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE",
             "NODE_EXTRA_CA_CERTS", "GIT_SSL_CAINFO")  # fmt: skip
    text = build_env(network(ca="/here/ca.pem"))
    assert read_by_sh(runner, text, *names) == ["/run/secrets/ca"] * 6
    assert "/here" not in text


def test_indexes(runner: Runner) -> None:
    text = build_env(network(mirrors={"pip": ODD, "npm": "https://npm/"}))
    names = ("PIP_INDEX_URL", "UV_INDEX_URL", "NPM_CONFIG_REGISTRY")
    assert read_by_sh(runner, text, *names) == [ODD, ODD, "https://npm/"]


def test_the_index_of_pytorch_has_a_mirror(runner: Runner) -> None:
    text = build_env(network(mirrors={"pytorch": "https://mirror.example/whl"}))
    assert read_by_sh(runner, text, "PYTORCH_INDEX_URL") == ["https://mirror.example/whl/cpu"]


def test_settings_of_maven_are_no_argument_and_in_no_layer(runner: Runner, tmp_path: Path) -> None:
    text = build_env(network(mirrors={"maven": "https://me:it's@mirror.example/maven"}))
    text = text.replace("/dev/shm", str(tmp_path))
    (named,) = read_by_sh(runner, text, "MAVEN_SETTINGS")
    (file,) = tmp_path.glob("builder.*/maven.xml")
    assert named == str(file)
    assert "<password>it's</password>" in file.read_text()
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_each_run_has_a_folder_of_its_own(runner: Runner) -> None:
    text = build_env(network(ca="/here/ca.pem"))
    twice = text + text.replace("APT_CONFIG", "OTHER_CONFIG")
    one, other = read_by_sh(runner, twice, "APT_CONFIG", "OTHER_CONFIG")
    assert one != other


def sourced(runner: Runner, tmp_path: Path, text: str) -> Path:
    """Read the shell file where /etc/apt and /dev/shm are folders of the test's own."""
    (tmp_path / "etc/sources.list.d").mkdir(parents=True)
    (tmp_path / "etc/sources.list").write_text(SOURCES)
    (tmp_path / "etc/sources.list.d/debian.sources").write_text(DEB822)
    shm = tmp_path / "shm"
    shm.mkdir()
    script = text.replace("/etc/apt", str(tmp_path / "etc")).replace("/dev/shm", str(shm))
    (tmp_path / "env").write_text(script)
    runner.run(Command(argv=("sh", "-eu", "-c", ". ./env; env > variables"), cwd=tmp_path))
    (scratch,) = shm.iterdir()
    return scratch


@pytest.mark.parametrize("mirror", ["http://mirror/debian", ODD])
def test_apt_reads_other_sources(runner: Runner, tmp_path: Path, mirror: str) -> None:
    mirrors = {"http://archive.example/debian": mirror}
    shm = sourced(runner, tmp_path, build_env(network(mirrors=mirrors)))
    assert (shm / "apt.d/main.list").read_text() == SOURCES.replace(
        "http://archive.example/debian", mirror
    )
    assert (shm / "apt.d/debian.sources").read_text() == DEB822.replace(
        "http://archive.example/debian", mirror
    )
    assert (shm / "apt.conf").read_text() == (
        f'Dir::Etc::sourcelist "/dev/null";\nDir::Etc::sourceparts "{shm}/apt.d";\n'
    )
    assert f"APT_CONFIG={shm}/apt.conf" in (tmp_path / "variables").read_text()
    assert (tmp_path / "etc/sources.list").read_text() == SOURCES


def test_two_mirrors_and_the_certificates(runner: Runner, tmp_path: Path) -> None:
    mirrors = {"http://archive.example": "http://one", "http://security.example": "http://two"}
    shm = sourced(runner, tmp_path, build_env(network(ca="/ca", mirrors=mirrors)))
    text = (shm / "apt.d/main.list").read_text()
    assert "deb http://one/debian trixie main\n" in text
    assert "http://two/debian-security" in text
    assert (shm / "apt.conf").read_text().splitlines()[0] == (
        'Acquire::https::CAInfo "/run/secrets/ca";'
    )


def test_an_image_without_sources_is_no_mistake(runner: Runner, tmp_path: Path) -> None:
    text = build_env(network(mirrors={"http://a": "http://b"}))
    shm = tmp_path / "shm"
    shm.mkdir()
    script = text.replace("/etc/apt", str(tmp_path / "none")).replace("/dev/shm", str(shm))
    runner.run(Command(argv=("sh", "-eu", "-c", script)))
    (scratch,) = shm.iterdir()
    assert list((scratch / "apt.d").iterdir()) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("http://a.b/c", "x"),
        ("a*b[c]^$", "&|\\1"),
        ("a|b", "c'd\"e"),
        ("a\\b", "$(echo no)`echo no`"),
    ],
)
def test_a_substitution_is_of_plain_text(runner: Runner, old: str, new: str) -> None:
    script = f"sed {substitution(old, new)}"
    line = f"1 {old} 2 {old} 3 aXb http://aXb/c"
    output = runner.run(Command(argv=("sh", "-c", script), stdin=line.encode()))
    assert output.stdout == line.replace(old, new)


def test_urls_are_replaced_in_text_too() -> None:
    mirrors = {"http://archive.example/debian": ODD, "pip": "https://p"}
    assert replace_urls(SOURCES, network(mirrors=mirrors)) == SOURCES.replace(
        "http://archive.example/debian", ODD
    )


def test_passwords_are_known_so_that_they_can_be_hidden() -> None:
    found = network(http_proxy="http://u:one@p:1", mirrors={"pip": "https://u:two@m/", "npm": "x"})
    assert passwords(found) == ("one", "two")


def test_a_token_in_the_place_of_a_user_is_a_password_too() -> None:
    found = network(mirrors={"pip": "https://token@m/", "npm": "https://u:p%40w@m/"})
    assert passwords(found) == ("token", "p%40w", "p@w")


def test_a_password_of_a_proxy_without_a_scheme_is_one_too() -> None:
    assert passwords(network(https_proxy="ann:secret@proxy.example:3128")) == ("secret",)


def test_every_source_has_a_variable() -> None:
    given = {
        "BUILDER_MIRROR_JULIA": "https://mirror.example/julia",
        "BUILDER_MIRROR_RSTUDIO_FILES": "https://mirror.example/rstudio",
        "BUILDER_MIRROR_NPM": "https://mirror.example/npm",
        "BUILDER_MIRROR_": "nothing",
    }
    assert effective(network(mirrors={"julia": "https://file"}), given).mirrors == {
        "julia": "https://mirror.example/julia",
        "npm": "https://mirror.example/npm",
        "rstudio-files": "https://mirror.example/rstudio",
    }


def test_a_mirror_of_nothing_that_is_known() -> None:
    with pytest.raises(ConfigError) as caught:
        effective(network(mirrors={"jula": "https://mirror.example"}), {})
    assert str(caught.value) == (
        "matrix.yaml: network.mirrors: unknown source 'jula'\n  hint: did you mean julia?"
    )


def test_a_repository_with_a_mirror_is_replaced_in_an_image_too() -> None:
    mirrors = {"cran": "https://u:p@mirror.example/cran", "julia": "https://mirror.example"}
    text = f"deb {UPSTREAM['cran']} trixie-cran40/\n"
    assert replace_urls(text, network(mirrors=mirrors)) == (
        "deb https://u:p@mirror.example/cran trixie-cran40/\n"
    )


def test_variables_are_filled_in() -> None:
    given = network(
        ca="${HOME}/ca", http_proxy="http://${USER}:${WORD}@p", mirrors={"pip": "${A}${A}"}
    )
    found = effective(given, {"HOME": "/h", "USER": "u", "WORD": "w", "A": "a"})
    assert found == network(ca="/h/ca", http_proxy="http://u:w@p", mirrors={"pip": "aa"})


def test_a_variable_that_is_not_set() -> None:
    with pytest.raises(ConfigError) as caught:
        effective(network(https_proxy="http://${WORD}@p"), {})
    assert str(caught.value) == (
        "matrix.yaml: the environment variable WORD is not set\n"
        "  hint: `network` in matrix.yaml uses it"
    )


def test_precedence() -> None:
    given = network(ca="/file", http_proxy="http://file", mirrors={"pip": "https://file"})
    found = effective(
        given,
        {
            "BUILDER_CA": "/builder", "http_proxy": "http://environment", "no_proxy": "localhost",
            "BUILDER_MIRROR_PIP": "https://builder", "SSL_CERT_FILE": __file__,
        },
    )  # fmt: skip
    assert found == network(
        ca="/builder",
        http_proxy="http://file",
        no_proxy="localhost",
        mirrors={"pip": "https://builder"},
        trust=(__file__,),
    )


def test_the_machines_own_certificates_are_the_default() -> None:
    assert effective(network(), {"SSL_CERT_FILE": __file__}).ca == __file__


def proxy_of(found: Network, name: str) -> str:
    fields = {"http_proxy": "http", "https_proxy": "https", "no_proxy": "none"}
    return str(getattr(found.proxy, fields[name]))


@pytest.mark.parametrize("name", ["http_proxy", "https_proxy", "no_proxy"])
def test_a_proxy_in_capitals_counts_where_there_is_none_in_small_letters(name: str) -> None:
    both = {name: "small", name.upper(): "CAPITAL"}
    assert proxy_of(effective(network(), {name.upper(): "CAPITAL"}), name) == "CAPITAL"
    assert proxy_of(effective(network(), both), name) == "small"
    assert proxy_of(effective(network(), {**both, name: ""}), name) == ""
    assert proxy_of(effective(network(**{name: "file"}), both), name) == "file"


def test_a_header_of_a_web_server_is_no_proxy() -> None:
    found = effective(
        network(), {"REQUEST_METHOD": "GET", "HTTP_PROXY": "evil", "HTTPS_PROXY": "p"}
    )
    assert (found.proxy.http, found.proxy.https) == ("", "p")
    assert effective(network(), {"REQUEST_METHOD": "GET", "http_proxy": "p"}).proxy.http == "p"


@pytest.mark.parametrize("name", ["all_proxy", "ALL_PROXY"])
def test_a_proxy_of_all_schemes(name: str) -> None:
    found = effective(network(), {name: "http://all:1", "https_proxy": "http://one:1"})
    assert (found.proxy.http, found.proxy.https) == ("http://all:1", "http://one:1")
    assert effective(network(), {name: "socks5://all:1"}).proxy.https == ""


def test_secrets_are_files_for_the_owner(tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.touch()
    found = build_secrets(network(ca=str(bundle), http_proxy="http://u:p@h"), tmp_path)
    assert found == {"env": tmp_path / "env", "ca": bundle}
    assert (tmp_path / "env").stat().st_mode & 0o777 == 0o600
    assert "ca" not in build_secrets(network(), tmp_path)


def test_certificates_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        build_secrets(network(ca=f"{tmp_path}/ca.pem"), tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}/ca.pem: the certificate file does not exist\n"
        "  hint: correct `network.ca` in matrix.yaml, or BUILDER_CA"
    )


@pytest.mark.parametrize(
    ("network", "environment", "key", "character"),
    [
        (Network(ca='x"; APT::Update::Pre-Invoke {"touch ran";}; "'), {}, "network.ca", '"'),
        (Network(ca="a\nb"), {}, "network.ca", "\n"),
        (Network(), {"BUILDER_CA": 'a"b'}, "network.ca", '"'),
        (Network(mirrors={"pip": "https://a b"}), {}, "network.mirrors.pip", " "),
        (Network(mirrors={"http://a\n": "b"}), {}, "network.mirrors: 'http://a\\n'", "\n"),
        (Network(), {"BUILDER_MIRROR_NPM": "https://a'b"}, "network.mirrors.npm", "'"),
        (Network(proxy=Proxy(http="http://a\r")), {}, "network.proxy.http", "\r"),
        (Network(), {"https_proxy": "http://a\x00"}, "network.proxy.https", "\0"),
        (Network(proxy=Proxy(none="a\nb")), {}, "network.proxy.none", "\n"),
        (Network(mirrors={"pip": "${URL}"}), {"URL": "a\\b"}, "network.mirrors.pip", "\\"),
    ],
)
def test_what_a_file_of_settings_would_misread(
    network: Network, environment: dict[str, str], key: str, character: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        effective(network, environment)
    assert str(caught.value) == (
        f"matrix.yaml: {key} has the character {character!r}, which programs misread\n"
        "  hint: leave it out; in a URL, write it as % and two digits"
    )
