"""Where locked packages lie in a build context, and what is said of them there."""

from __future__ import annotations

from builder.catalog.packages import LockedPackage
from builder.lock.package_lists import file_path, package_lists
from tests.fakes.ecosystems import BUILT_IN
from tests.fakes.layers import layer, package

DIGEST = "ab" * 64
OAK = LockedPackage(
    version="1.0.0", digest=f"sha512:{DIGEST}", source="npm", file="@wood/oak/-/oak-1.0.0.tgz"
)


def test_each_ecosystem_has_a_list_in_its_clients_words() -> None:
    held = layer(
        apt={"tar": "1.35", "grep": "3.11"},
        pip={"six": "1.17"},
        npm={"oak@1.0.0": "1"},
        r={"cli": "3.6.5"},
    )
    six, oak = package("six", "1.17").digest, package("oak@1.0.0", "1").hash
    cli = package("cli", "3.6.5").hash
    assert package_lists(held, BUILT_IN) == {
        "apt/packages.txt": b"grep=3.11\ntar=1.35\n",
        "pip/requirements.txt": f"six==1.17 --hash={six}\n".encode(),
        "npm/packages.txt": f"{oak}  oak@1.0.0\n".encode(),
        "r/packages.txt": f"cli {cli} main/pool/cli_3.6.5_all.deb\n".encode(),
    }
    assert package_lists(None, BUILT_IN) == {}


def test_npm_finds_a_file_by_its_hash_and_others_by_their_name() -> None:
    assert file_path("apt", package("tar", "1.35"), BUILT_IN) == "apt/tar_1.35_all.deb"
    rest = DIGEST[4:]
    assert file_path("npm", OAK, BUILT_IN) == f"npm/_cacache/content-v2/sha512/ab/ab/{rest}"
