"""Signed packages, in a folder and in a registry, as the real Helm verifies them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from builder.charts.helm import Helm
from builder.charts.repository.oci_artifact import CONTENT, PROVENANCE
from builder.common.errors import StepError
from builder.common.process import Command, Runner
from builder.oci.reference import parse
from tests.cli.conftest import Run
from tests.integration.registry import registry as real_registry

from .conftest import WEEKS, Shop, content, served

NAME = "charts@example.org"


@dataclass(frozen=True, kw_only=True)
class Keys:
    """A key of its own: what signs, what verifies, and what protects the former."""

    secret: Path
    public: Path
    passphrase: Path

    @property
    def options(self) -> tuple[str, ...]:
        """How `builder` is told to sign."""
        files = ("--keyring", str(self.secret), "--passphrase-file", str(self.passphrase))
        return ("--sign-key", NAME, *files)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keys]:
    """Made by the real gpg, in a home of its own that is gone before they are used."""
    folder, runner = tmp_path_factory.mktemp("keys"), Runner()
    home = tmp_path_factory.mktemp("g")
    home.chmod(0o700)

    def gpg(*arguments: str) -> None:
        loopback = ("--pinentry-mode", "loopback", "--passphrase", "s3cret")
        argv = ("gpg", "--homedir", str(home), "--batch", "--quiet", *loopback, *arguments)
        runner.run(Command(argv=argv))

    found = Keys(
        secret=folder / "secret.gpg", public=folder / "public.gpg", passphrase=folder / "passphrase"
    )
    found.passphrase.write_text("s3cret\n")
    gpg("--quick-generate-key", f"Charts <{NAME}>", "rsa2048", "sign", "never")
    gpg("--output", str(found.secret), "--export-secret-keys")
    gpg("--output", str(found.public), "--export")
    runner.run(Command(argv=("gpgconf", "--homedir", str(home), "--kill", "gpg-agent")))
    yield found
    runner.stop()


def test_helm_verifies_what_a_folder_serves(
    shop: Shop, run: Run, keys: Keys, helm: Helm, runner: Runner, tmp_path: Path
) -> None:
    pages = tmp_path / "pages"
    assert run("charts", "publish", "--to", str(pages)).code == 0
    assert sorted(content(pages)) == ["desk-1.0.0.tgz", "index.yaml"]
    # What is there unsigned is signed; what is signed is not signed again.
    unsigned = content(pages)
    assert run("charts", "publish", "--to", str(pages), *keys.options).out == (
        "desk 1.0.0: nothing in it changed\n"
    )
    signed = content(pages)
    assert signed == unsigned | {"desk-1.0.0.tgz.prov": signed["desk-1.0.0.tgz.prov"]}
    shop.change_image(WEEKS[1])
    for _ in range(2):
        assert run("charts", "publish", "--to", str(pages), *keys.options).code == 0
        assert sorted(content(pages)) == [
            "desk-1.0.0.tgz", "desk-1.0.0.tgz.prov", "desk-1.0.1.tgz", "desk-1.0.1.tgz.prov",
            "index.yaml",
        ]  # fmt: skip
    assert content(pages)["desk-1.0.0.tgz.prov"] == signed["desk-1.0.0.tgz.prov"]
    with served(pages) as url:
        for version in ("1.0.0", "1.0.1"):
            pull = helm.command(
                "pull", "desk", "--repo", url, "--version", version, "--verify",
                "--keyring", str(keys.public), "--destination", str(tmp_path),
            )  # fmt: skip
            assert f"Signed by: Charts <{NAME}>" in runner.run(pull).log


def test_helm_verifies_what_a_registry_has(
    shop: Shop, run: Run, keys: Keys, helm: Helm, runner: Runner, tmp_path: Path
) -> None:
    with real_registry(tmp_path / "other", runner=runner) as address:
        to = f"oci://{address}/charts"
        for told in ("new", "nothing in it changed"):
            found = run("charts", "publish", "--to", to, *keys.options)
            assert found.out == f"desk 1.0.0: {told}\n"
        artifact = shop.week.store.get(parse(f"{address}/charts/desk:1.0.0"))
        assert artifact is not None
        assert [blob.kind for blob in artifact.files.values()] == [CONTENT, PROVENANCE]
        pull = helm.command(
            "pull", f"{to}/desk", "--plain-http", "--verify", "--keyring", str(keys.public),
            "--destination", str(tmp_path),
        )  # fmt: skip
        assert f"Signed by: Charts <{NAME}>" in runner.run(pull).log


def test_a_package_that_was_changed_is_not_verified(
    shop: Shop, run: Run, keys: Keys, helm: Helm, runner: Runner, tmp_path: Path
) -> None:
    assert run("charts", "publish", "--to", str(tmp_path), *keys.options).code == 0
    package = tmp_path / "desk-1.0.0.tgz"
    verify = helm.command("verify", str(package), "--keyring", str(keys.public))
    runner.run(verify)
    package.write_bytes(package.read_bytes() + b"\0")
    with pytest.raises(StepError, match="sha256 sum does not match"):
        runner.run(verify)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("key", "{secret} cannot sign as nobody@example.org: No secret key"),
        ("passphrase", f"{{secret}} cannot sign as {NAME}: Bad passphrase"),
        ("keyring", "{secret} cannot be read as a keyring: no valid OpenPGP data found."),
    ],
)
def test_what_cannot_be_signed_is_not_published(
    shop: Shop, run: Run, keys: Keys, tmp_path: Path, wrong: str, message: str
) -> None:
    options = list(keys.options)
    secret = keys.secret
    if wrong == "key":
        options[1] = "nobody@example.org"
    else:
        other = tmp_path / "other"
        other.write_text("other\n")
        options[
            options.index("--passphrase-file" if wrong == "passphrase" else "--keyring") + 1
        ] = str(other)
        secret = other if wrong == "keyring" else secret
    pages = tmp_path / "pages"
    found = run("charts", "publish", "--to", str(pages), *options)
    assert (found.code, found.out) == (5, "")
    assert found.err.startswith(f"error: {message.format(secret=secret)}\n")
    assert not pages.exists()


def test_a_machine_without_gpg(
    shop: Shop, run: Run, keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for program in ("skopeo", "unshare"):
        (tmp_path / program).symlink_to(f"/usr/bin/{program}")
    monkeypatch.setenv("PATH", str(tmp_path))
    pages = tmp_path / "pages"
    assert run("charts", "publish", "--to", str(pages), *keys.options) == (
        4, "", "error: gpg is not installed\n  hint: apt-get install gnupg\n",
    )  # fmt: skip
    assert not pages.exists()
