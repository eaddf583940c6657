"""What a package server gives: its registries, and the packages that they name."""

from __future__ import annotations

import pytest

from builder.catalog.packages import LockedPackage
from builder.common.errors import StepError
from builder.lock.lockfile import PackageSet
from builder.lock.package_lists import package_lists
from builder.resolvers.julia.packages import JuliaResolver
from tests.fakes.ecosystems import BUILT_IN
from tests.fakes.julia_packages import Release, served, tarball, tree_of, uuid_of
from tests.fakes.layers import asked
from tests.fakes.lines import Upstream

A = Release(name="A", version="1.0.0", needs={"B": "1"})
B, NEWER = Release(name="B", version="1.0.0"), Release(name="B", version="1.2.0")


def test_a_server_that_is_not_one(there: Upstream) -> None:
    there.serve("julia-packages/registries", "nothing\n")
    with pytest.raises(StepError) as caught:
        JuliaResolver(fetcher=there.fetcher()).resolve(asked("A", julia="1.10.4"))
    assert str(caught.value) == "julia-packages: the server lists no registry"


def test_a_registry_that_is_not_one(there: Upstream) -> None:
    files = {"Registry.toml": 'name = "General"\n'}
    place = f"registry/{uuid_of('General')}/{tree_of(files)}"
    there.serve("julia-packages/registries", f"/{place}\n")
    there.serve(f"julia-packages/{place}", tarball(files))
    with pytest.raises(StepError) as caught:
        JuliaResolver(fetcher=there.fetcher()).resolve(asked("A", julia="1.10.4"))
    assert str(caught.value) == (
        f"registry {uuid_of('General')}: Registry.toml cannot be read: 'packages'"
    )


def test_packages_are_fetched_by_their_tree(there: Upstream) -> None:
    for path, data in served(A, B, NEWER).items():
        there.serve(f"julia-packages/{path}", data)
    resolver = JuliaResolver(fetcher=there.fetcher())
    found = resolver.fetch(asked("A"), {"A": A.locked, "B": NEWER.locked})
    assert {name: path.read_bytes() for name, path in found.items()} == {
        "A": tarball(A.files), "B": tarball(NEWER.files),
    }  # fmt: skip
    there.serve(f"julia-packages/{B.locked.file}", tarball(NEWER.files))
    with pytest.raises(StepError) as caught:
        resolver.fetch(asked("A"), {"B": B.locked})
    assert str(caught.value).splitlines()[:3] == [
        "B 1.0.0: the downloaded tarball has another git tree than expected",
        f"    expected {B.tree}",
        f"    found    {NEWER.tree}",
    ]


LIB = LockedPackage(
    version="1.0.0", digest=f"git-tree-sha256:{'2' * 64}", source="General",
    file=f"artifact/{'1' * 40}",
)  # fmt: skip


def test_the_list_that_a_build_is_given() -> None:
    packages = {"B": NEWER.locked, "A": A.former, "A:lib": LIB}
    layer = PackageSet(epoch=1, request="", packages={"julia": packages})
    assert package_lists(layer, BUILT_IN) == {
        "julia/packages.txt": (
            f"A 1.0.0 {uuid_of('A')} {A.tree} -\n"
            f"A:lib 1.0.0 artifact {'1' * 40} {'2' * 64}\n"
            f"B 1.2.0 {uuid_of('B')} {NEWER.tree} {NEWER.locked.hash}\n"
        ).encode()
    }
