"""Where credentials are looked for, and what is taken from there."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from builder.common.errors import BuilderError, ConfigError, StepError, ToolError
from builder.common.process import Runner
from builder.oci.reference import parse
from builder.registry.credentials import CredentialFiles, Credentials

IMAGE = parse("registry.example:5000/team/sub/image:tag")
HUB = parse("docker.io/team/image:tag")


def entry(user: str, password: str = "right") -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


class Home:
    """A home, and the environment of who lives there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {"HOME": str(folder), "XDG_RUNTIME_DIR": str(folder / "run")}

    def write(self, path: str, content: object) -> Path:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content if isinstance(content, str) else json.dumps(content))
        return file

    def login(self, path: str, registry: str, user: str) -> Path:
        return self.write(path, {"auths": {registry: entry(user)}})

    @property
    def files(self) -> CredentialFiles:
        return CredentialFiles(runner=Runner(), environment=self.environment)

    def user(self, place: str = str(IMAGE)) -> str:
        found = self.files.find(parse(place))
        return found.user if found else ""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_nobody_logged_in(home: Home) -> None:
    assert home.files.find(IMAGE) is None


def test_the_order_of_the_files(home: Home) -> None:
    """From the last to the first: each comes before those that were written before it."""
    host = IMAGE.registry
    home.write(".dockercfg", {host: entry("oldest")})
    assert home.user() == "oldest"
    home.login(".docker/config.json", host, "docker")
    assert home.user() == "docker"
    home.login("elsewhere/config.json", host, "moved")
    home.environment["DOCKER_CONFIG"] = str(home.folder / "elsewhere")
    assert home.user() == "moved"
    home.login(".config/containers/auth.json", host, "config")
    assert home.user() == "config"
    home.login("xdg/containers/auth.json", host, "xdg")
    home.environment["XDG_CONFIG_HOME"] = str(home.folder / "xdg")
    assert home.user() == "xdg"
    home.login("run/containers/auth.json", host, "runtime")
    assert home.user() == "runtime"
    home.login("named.json", host, "named")
    home.environment["REGISTRY_AUTH_FILE"] = str(home.folder / "named.json")
    assert home.user() == "named"


def test_a_file_without_the_registry_is_passed_over(home: Home) -> None:
    home.login("run/containers/auth.json", "other.example", "other")
    home.login(".docker/config.json", IMAGE.registry, "docker")
    assert home.user() == "docker"


def test_the_nearest_name_above_a_repository_counts(home: Home) -> None:
    host = IMAGE.registry
    names = (host, f"{host}/team", f"{host}/team/sub", f"{host}/team/sub/image")
    file = {"auths": {name: entry(f"u{number}") for number, name in enumerate(names)}}
    home.write(".docker/config.json", file)
    assert home.user(f"{host}/team/sub/image:1") == "u3"
    assert home.user(f"{host}/team/sub/other:1") == "u2"
    assert home.user(f"{host}/team/other:1") == "u1"
    assert home.user(f"{host}/teams/sub/image:1") == "u0"


@pytest.mark.parametrize(
    "key", ["https://registry.example:5000", "https://registry.example:5000/v2/",
            "http://registry.example:5000/v1/", "registry.example:5000/"],
)  # fmt: skip
def test_older_spellings_of_a_registry(home: Home, key: str) -> None:
    home.login(".docker/config.json", key, "ann")
    assert home.user() == "ann"
    assert home.user("registry.example/team/image:tag") == ""


@pytest.mark.parametrize(
    "key", ["https://index.docker.io/v1/", "docker.io", "index.docker.io", "registry-1.docker.io",
            "docker.io/team"],
)  # fmt: skip
@pytest.mark.parametrize("registry", ["docker.io", "index.docker.io", "registry-1.docker.io"])
def test_docker_hub_has_several_names(home: Home, key: str, registry: str) -> None:
    home.login(".docker/config.json", key, "ann")
    assert home.user(f"{registry}/team/image:tag") == "ann"
    assert home.user("docker.example/team/image:tag") == ""


def test_an_identity_token(home: Home) -> None:
    token = {**entry("00000000-0000-0000-0000-000000000000", ""), "identitytoken": "secret"}
    file = home.write(".docker/config.json", {"auths": {IMAGE.registry: token}})
    assert home.files.find(IMAGE) == Credentials(
        source=str(file), user="00000000-0000-0000-0000-000000000000", identity_token="secret"
    )


def test_no_secret_is_shown() -> None:
    found = Credentials(source="/f", user="ann", password="one", identity_token="two")
    assert repr(found) == "Credentials(source='/f', user='ann')"


def helper(home: Home, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Put a credential helper `docker-credential-desk` on PATH."""
    program = home.write("bin/docker-credential-desk", f"#!/bin/sh\nread server\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")


KNOWS = 'echo "{\\"ServerURL\\":\\"$server\\",\\"Username\\":\\"ann\\",\\"Secret\\":\\"$server\\"}"'


def test_a_helper_of_one_registry(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    helper(home, monkeypatch, KNOWS)
    content = {"credHelpers": {IMAGE.registry: "desk"}, "auths": {IMAGE.registry: entry("no")}}
    file = home.write(".docker/config.json", content)
    assert home.files.find(IMAGE) == Credentials(
        source=f"{file} (docker-credential-desk)", user="ann", password=IMAGE.registry
    )
    assert home.files.find(parse("other.example/a:b")) is None


def test_a_helper_of_all_registries_comes_after_what_a_file_holds(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    helper(home, monkeypatch, KNOWS)
    content = {"credsStore": "desk", "auths": {IMAGE.registry: {}, "own.example": entry("own")}}
    home.write(".docker/config.json", content)
    assert home.user() == "ann"
    assert home.user("own.example/image:tag") == "own"


def test_a_helper_is_asked_for_docker_hub_as_docker_asks(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    helper(home, monkeypatch, KNOWS)
    home.write(".docker/config.json", {"credsStore": "desk"})
    found = home.files.find(HUB)
    assert found is not None
    assert found.password == "https://index.docker.io/v1/"


def test_a_helper_that_has_an_identity_token(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    helper(home, monkeypatch, """echo '{"Username":"<token>","Secret":"secret"}'""")
    home.write(".docker/config.json", {"credsStore": "desk"})
    found = home.files.find(IMAGE)
    assert found is not None
    assert (found.user, found.password, found.identity_token) == ("", "", "secret")


def test_a_helper_that_has_nothing(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    helper(home, monkeypatch, "echo 'credentials not found in native keychain'; exit 1")
    home.write(".docker/config.json", {"credsStore": "desk"})
    assert home.files.find(IMAGE) is None


@pytest.mark.parametrize(
    ("script", "kind", "message"),
    [
        (
            "echo locked; exit 3",
            StepError,
            "docker-credential-desk returns no credentials for registry.example:5000: it ended"
            " with 3",
        ),
        (
            "kill -TERM $$",
            StepError,
            "docker-credential-desk returns no credentials for registry.example:5000:"
            " it was killed by SIGTERM",
        ),
        (
            "echo '{\"Secret\":\"word\"'",
            StepError,
            "docker-credential-desk printed no valid credentials",
        ),
        (
            "echo '[]'",
            StepError,
            "docker-credential-desk printed no valid credentials",
        ),
    ],
)  # fmt: skip
def test_a_helper_that_fails(
    home: Home,
    monkeypatch: pytest.MonkeyPatch,
    script: str,
    kind: type[BuilderError],
    message: str,
) -> None:
    helper(home, monkeypatch, script)
    file = home.write(".docker/config.json", {"credsStore": "desk"})
    with pytest.raises(kind) as caught:
        home.files.find(IMAGE)
    assert caught.value.message == message
    assert caught.value.hint.startswith(f"{file} names it")


def test_a_missing_helper_of_all_registries_bars_none(home: Home) -> None:
    file = home.write(".docker/config.json", {"credsStore": "nowhere-to-be-had"})
    files = home.files
    assert files.lacking == ""
    assert files.find(IMAGE) is None
    assert files.lacking == (
        f"docker-credential-nowhere-to-be-had is not installed, which {file} names"
    )
    with files.shared([IMAGE]) as options:
        assert options == ()


def test_a_missing_helper_of_all_registries_hides_no_older_login(home: Home) -> None:
    home.write("run/containers/auth.json", {"credsStore": "nowhere-to-be-had"})
    home.login(".docker/config.json", IMAGE.registry, "ann")
    assert home.user() == "ann"


def test_a_missing_helper_of_one_registry(home: Home) -> None:
    helpers = {IMAGE.registry: "nowhere-to-be-had"}
    file = home.write(".docker/config.json", {"credHelpers": helpers})
    with pytest.raises(ToolError) as caught:
        home.files.find(IMAGE)
    assert str(caught.value) == (
        "docker-credential-nowhere-to-be-had is not installed\n"
        f"  hint: {file} names it: install it, or log in without it"
    )


def test_a_helper_is_no_path(home: Home) -> None:
    file = home.write(".docker/config.json", {"credsStore": "../evil"})
    with pytest.raises(ConfigError) as caught:
        home.files.find(IMAGE)
    assert str(caught.value) == f"{file}: not the name of a credential helper: '../evil'"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "the credentials cannot be read: it is not JSON"),
        ("[]", "the credentials cannot be read: not a JSON object"),
        ('{"auths": []}', ""),
        ('{"auths": 7}', "auths is not a JSON object"),
        ('{"credHelpers": "x"}', "credHelpers is not a JSON object"),
        ('{"auths": {"registry.example:5000": {"auth": "%%%"}}}',
         "the entry of registry.example:5000 is damaged"),
    ],
)  # fmt: skip
def test_a_file_that_is_damaged(home: Home, content: str, message: str) -> None:
    file = home.write("run/containers/auth.json", content)
    if not message:
        assert home.files.find(IMAGE) is None
        return
    with pytest.raises(ConfigError) as caught:
        home.files.find(IMAGE)
    assert (caught.value.message, str(caught.value.location)) == (message, str(file))


def test_an_entry_of_another_registry_may_be_damaged(home: Home) -> None:
    content = {"auths": {"other.example": {"auth": "%"}, "more.example": 7}}
    home.write(".docker/config.json", content)
    assert home.files.find(IMAGE) is None


def test_skopeo_gets_a_private_file_for_as_long_as_it_runs(home: Home) -> None:
    home.login(".docker/config.json", IMAGE.registry, "ann")
    with home.files.shared((IMAGE, parse("open.example/image:tag"))) as options:
        assert options[0] == "--authfile"
        file = Path(options[1])
        assert file.stat().st_mode & 0o777 == 0o600
        assert file.parent.stat().st_mode & 0o777 == 0o700
        assert json.loads(file.read_bytes()) == {
            "auths": {"registry.example:5000/team/sub/image": entry("ann")}
        }
    assert not file.exists()


def test_skopeo_gets_no_file_where_nobody_logged_in(home: Home) -> None:
    with home.files.shared((IMAGE,)) as options:
        assert options == ()


def test_skopeo_gets_an_identity_token_as_it_reads_one(home: Home) -> None:
    home.write(".docker/config.json", {"auths": {"docker.io": {"identitytoken": "secret"}}})
    with home.files.shared((parse("index.docker.io/image:tag"),)) as options:
        auths = json.loads(Path(options[1]).read_bytes())["auths"]
    user = base64.b64encode(b"00000000-0000-0000-0000-000000000000:").decode()
    token = {"auth": user, "identitytoken": "secret"}
    assert auths == {"docker.io/library/image": token, "index.docker.io/library/image": token}
