"""Layers of Julia's packages: what is chosen of a registry, and why nothing is."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from builder.catalog.models import RemoteFile
from builder.catalog.packages import LockedPackage
from builder.common.errors import (
    BuilderError,
    ConfigError,
    NoPackageError,
    StepError,
    UnreachableError,
)
from builder.lock.interfaces import PackageRequest
from builder.network.upstreams import upstream
from builder.resolvers.julia.packages import JuliaResolver
from tests.fakes.julia_packages import Binary, Release, served, tarball, uuid_of
from tests.fakes.layers import asked
from tests.fakes.lines import Upstream, nowhere

STDLIB = "julia-1.10.4/share/julia/stdlib/v1.10"
JULIA = tarball(
    {
        f"{STDLIB}/Dates/Project.toml": f'name = "Dates"\nuuid = "{uuid_of("Dates")}"\n',
        f"{STDLIB}/Zlib_jll/Project.toml": (
            f'name = "Zlib_jll"\nuuid = "{uuid_of("Zlib_jll")}"\nversion = "1.2.13+1"\n'
        ),
        f"{STDLIB}/Statistics/Project.toml": (
            f'name = "Statistics"\nuuid = "{uuid_of("Statistics")}"\nversion = "1.10.0"\n'
        ),
        f"{STDLIB}/Pkg/src/Types.jl": (
            'x = 1\nconst UPGRADABLE_STDLIBS = ["DelimitedFiles", "Statistics"]\n'
        ),
        f"{STDLIB}/Dates/test/Project.toml": "not read",
    }
)
A1 = Release(name="A", version="1.0.0", needs={"B": "1"})
A2 = Release(name="A", version="1.1.0", needs={"B": "1", "Dates": "1"})
B1, B12 = Release(name="B", version="1.0.0"), Release(name="B", version="1.2.0")
B2 = Release(name="B", version="2.0.0")
PLAIN = (A1, A2, B1, B12, B2)


def layers(there: Upstream, *releases: Release) -> JuliaResolver:
    """A resolver whose package server has these."""
    for path, data in served(*releases).items():
        there.serve(f"julia-packages/{path}", data)
    return JuliaResolver(fetcher=there.fetcher())


def chosen(
    there: Upstream, *releases: Release, names: tuple[str, ...] = ("A",), julia: str = "1.10.4",
    tarred: bytes = JULIA, **more: Any,
) -> Mapping[str, LockedPackage]:  # fmt: skip
    """What is chosen for `names`."""
    request = with_julia(there, *names, julia=julia, tarred=tarred, **more)
    return layers(there, *releases).resolve(request)


def with_julia(
    there: Upstream, *names: str, julia: str = "1.10.4", tarred: bytes = JULIA, **more: Any
) -> PackageRequest:
    """A request where the tarball of Julia is served."""
    there.serve("julia/julia.tar.gz", tarred)
    file = RemoteFile(
        name="julia.tar.gz",
        url=upstream("julia", "julia.tar.gz"),
        sha256=hashlib.sha256(tarred).hexdigest(),
    )
    return asked(*names, julia=julia, archives=(file,), **more)


def refused(there: Upstream, *releases: Release, **more: Any) -> str:
    """What is said where nothing is chosen."""
    with pytest.raises(BuilderError) as caught:
        chosen(there, *releases, **more)
    assert not isinstance(caught.value, UnreachableError)
    return str(caught.value)


def versions(found: Mapping[str, LockedPackage]) -> dict[str, str]:
    return {name: it.version for name, it in found.items()}


def test_the_newest_that_fit_with_all_that_they_need(there: Upstream) -> None:
    assert chosen(there, *PLAIN) == {"A": A2.locked, "B": B12.locked}


def test_older_versions_are_gone_back_to(there: Upstream) -> None:
    other = Release(name="C", version="1.0.0", needs={"B": "1.0"})
    newer = Release(name="A", version="1.2.0", needs={"B": "1.2-1"})
    found = chosen(there, *PLAIN, newer, other, names=("A", "C"))
    assert versions(found) == {"A": "1.1.0", "B": "1.0.0", "C": "1.0.0"}


def test_yanked_versions_and_pre_releases_are_not_taken(there: Upstream) -> None:
    yanked = Release(name="B", version="1.3.0", is_yanked=True)
    early = Release(name="B", version="1.4.0-rc1")
    assert versions(chosen(there, *PLAIN, yanked, early))["B"] == "1.2.0"


def test_what_is_kept_stays_where_it_can_also_yanked(there: Upstream) -> None:
    yanked = Release(name="B", version="1.1.0", is_yanked=True)
    keep = {"A": A1.locked, "B": yanked.locked}
    found = chosen(there, *PLAIN, yanked, preferred=keep)
    assert found == {"A": A1.locked, "B": yanked.locked}
    found = chosen(there, *PLAIN, preferred={"B": B2.locked})
    assert versions(found) == {"A": "1.1.0", "B": "1.2.0"}


def test_what_ancestors_have_stays_and_is_not_locked_again(there: Upstream) -> None:
    found = chosen(there, *PLAIN, inherited={"B": B1.locked}, introduced_by={"B": "base/debian=13"})
    assert found == {"A": A2.locked}
    gone = Release(name="B", version="1.0.5")
    assert chosen(there, *PLAIN, inherited={"B": gone.locked}) == {"A": A2.locked}


def test_packages_are_held(there: Upstream) -> None:
    limits = {"B": "=1.0.0", "Unknown": "1"}
    assert versions(chosen(there, *PLAIN, constraints=limits)) == {"A": "1.1.0", "B": "1.0.0"}
    with pytest.raises(ConfigError) as caught:
        chosen(there, *PLAIN, constraints={"B": "==1"})
    assert str(caught.value) == (
        "pin: julia B: not a limit of versions: '==1'\n"
        "  hint: write it as in [compat]: 1.2, ~1.2.3, =1.2.3"
    )


def test_what_comes_with_julia_is_left_out_unless_it_can_be_upgraded(there: Upstream) -> None:
    root = Release(name="A", version="2.0.0", needs={"Zlib_jll": "1.2", "Statistics": "1"})
    there_too = (
        Release(name="Zlib_jll", version="1.3.0"),
        Release(name="Statistics", version="1.11.1"),
    )
    found = chosen(there, *PLAIN, root, *there_too, names=("A", "Dates"))
    assert versions(found) == {"A": "2.0.0", "Statistics": "1.11.1"}


WEAK = (
    Release(name="A", version="3.0.0", weak={"B": "2"}),
    Release(name="A", version="2.9.0", weak={"B": "1"}),
    Release(name="C", version="1.0.0", needs={"B": "1"}),
)


def test_what_need_not_be_there_must_fit_where_it_is(there: Upstream) -> None:
    assert versions(chosen(there, *WEAK, B1, B2)) == {"A": "3.0.0"}
    found = chosen(there, *WEAK, B1, B2, names=("A", "C"))
    assert versions(found) == {"A": "2.9.0", "B": "1.0.0", "C": "1.0.0"}


def test_a_package_of_an_ancestor_may_forbid_one(there: Upstream) -> None:
    said = refused(
        there,
        *WEAK,
        B1,
        names=("C",),
        inherited={"A": WEAK[0].locked},
        introduced_by={"A": "base/debian=13"},
    )
    assert said == (
        "no versions of the Julia packages of leaf/debian=13 fit together:\n"
        "    base/debian=13 has A 3.0.0\n"
        "    A 3.0.0 needs B 2\n"
        "    B 1.0.0 is the version that the others accept\n"
        "  hint: the packages of base/debian=13 stay: run `builder lock --upgrade`,"
        " or ask for other packages"
    )


def test_julia_before_weak_needs_does_not_know_them(there: Upstream) -> None:
    tarred = tarball({"julia-1.5.3/share/julia/stdlib/v1.5/Dates/Project.toml":
                      f'name = "Dates"\nuuid = "{uuid_of("Dates")}"\n'})  # fmt: skip
    found = chosen(there, *WEAK, B1, B2, names=("A", "C"), julia="1.5.3", tarred=tarred)
    assert versions(found)["A"] == "3.0.0"


def test_a_package_that_no_registry_has(there: Upstream) -> None:
    assert refused(there, *PLAIN, Release(name="DataFrames", version="1.0.0"),
                   names=("DataFrame",)) == (
        "no Julia registry has a package DataFrame, which leaf/debian=13 asks for\n"
        "  hint: did you mean DataFrames?"
    )  # fmt: skip


def test_no_versions_that_fit(there: Upstream) -> None:
    other = Release(name="C", version="1.0.0", needs={"B": "2"})
    assert refused(there, *PLAIN, other, names=("A", "C")) == (
        "no versions of the Julia packages of leaf/debian=13 fit together:\n"
        "    C 1.0.0 needs B 2\n"
        "    A 1.1.0 needs B 1\n"
        "  hint: run `builder lock --upgrade`, or ask for other packages"
    )


def test_an_ancestor_is_named_where_it_stands_in_the_way(there: Upstream) -> None:
    said = refused(there, *PLAIN, inherited={"B": B2.locked}, introduced_by={"B": "base/debian=13"})
    assert said == (
        "no versions of the Julia packages of leaf/debian=13 fit together:\n"
        "    base/debian=13 has B 2.0.0\n"
        "    A 1.1.0 needs B 1\n"
        "  hint: the packages of base/debian=13 stay: run `builder lock --upgrade`,"
        " or ask for other packages"
    )


def test_a_package_that_needs_a_newer_julia(there: Upstream) -> None:
    assert refused(there, Release(name="A", version="1.0.0", julia="1.11-1")) == (
        "no versions of the Julia packages of leaf/debian=13 fit together:\n"
        "    leaf/debian=13 asks for A\n"
        "    A 1.0.0 needs Julia 1.11-1, not 1.10.4\n"
        "  hint: run `builder lock --upgrade`, or ask for other packages"
    )


@pytest.mark.parametrize(
    ("releases", "more", "reason"),
    [
        ((A1,), {}, f"no registry has B ({uuid_of('B')})"),
        ((A1, Release(name="B", version="1.0.0", is_yanked=True)), {},
         "every version of B was yanked"),
        ((A1, B1), {"constraints": {"B": "2"}}, "B is pinned to 2"),
        ((Release(name="A", version="1.0.0", needs={"Zlib_jll": "1.3"}),), {},
         "Julia 1.10.4 has Zlib_jll 1.2.13+1"),
    ],
)  # fmt: skip
def test_why_nothing_of_a_package_will_do(
    there: Upstream, releases: tuple[Release, ...], more: dict[str, Any], reason: str
) -> None:
    assert f"\n    {reason}\n" in refused(there, *releases, **more)


def test_a_target_without_julia(there: Upstream) -> None:
    with pytest.raises(NoPackageError) as caught:
        layers(there, *PLAIN).resolve(asked("A", julia="1.10.4"))
    assert str(caught.value) == (
        "leaf/debian=13 has Julia packages, but no release line of Julia with a tarball\n"
        "  hint: `needs: [julia]` in its recipe.yaml says that its parent must have Julia"
    )


@pytest.mark.parametrize(
    ("tarred", "said"),
    [
        (b"no", r"^the tarball of Julia 1\.10\.4 cannot be read: "),
        (tarball({"a": ""}), r"^the tarball of Julia 1\.10\.4 has no standard library$"),
    ],
)
def test_a_tarball_that_is_not_julia_s(there: Upstream, tarred: bytes, said: str) -> None:
    with pytest.raises(StepError, match=said):
        chosen(there, *PLAIN, tarred=tarred)


def test_a_range_that_is_not_one(there: Upstream) -> None:
    said = refused(there, Release(name="A", version="1.0.0", needs={"B": "^1"}), B1)
    assert said == "a Julia registry cannot be read: not a range of versions: '^1'"


def test_a_server_that_cannot_be_asked(there: Upstream) -> None:
    with pytest.raises(UnreachableError) as caught:
        JuliaResolver(fetcher=nowhere(there.folder)).resolve(asked("A", julia="1.10.4"))
    assert caught.value.message.startswith("julia-packages cannot be reached: ")


def test_the_same_is_asked_for_once(there: Upstream) -> None:
    resolver = layers(there, *PLAIN)
    request = with_julia(there, "A")
    assert resolver.resolve(request) is resolver.resolve(request)
    assert len(there.server.asked) == 5  # registries, one of them, Julia, two packages
    assert not resolver.is_newest(request, resolver.resolve(request))


def test_the_registry_is_asked_again_for_each_tree(there: Upstream) -> None:
    oak, elm = Release(name="Oak", version="1.0.0"), Release(name="Elm", version="1.0.0")
    again = layers(there, oak, elm)
    gone = Release(name="Fir", version="1.0.0").locked
    held = {
        "Oak": oak.locked,
        "Elm": replace(elm.locked, digest="git-tree-sha256:" + "f" * 64),
        "Ash": replace(elm.locked, file=f"package/{elm.uuid}/{'f' * 40}"),
        "Yew": elm.former,
        "Old": replace(oak.locked, version="0.9.0"),
        "Fir": gone,
    }
    assert again.differing(asked("Oak", julia="1.13.0"), held) == {
        "Elm": f"the index states {elm.locked.digest} or {elm.former.digest},"
        f" not git-tree-sha256:{'f' * 64}",
        "Ash": f"the index states {elm.former.digest}, not git-tree-sha1:{'f' * 40}",
        "Old": "the index has it not",
        "Fir": "the index has it not",
    }


# Artifacts.

X86 = {"os": "linux", "arch": "x86_64"}
TOOL = Binary(name="tool", files={"bin/tool": "any"})
LIB = Binary(name="lib", files={"lib/a.so": "x86"}, platform=X86)
ARM_LIB = Binary(name="lib", files={"lib/a.so": "arm"}, platform={**X86, "arch": "aarch64"})
BIG = Binary(name="big", files={"big": "1"}, is_lazy=True)
B_JLL = Release(name="B_jll", version="1.0.0+1", binaries=(TOOL, LIB, ARM_LIB, BIG))
WITH_BINARIES = (Release(name="A", version="1.0.0", needs={"B_jll": "1"}), B_JLL)


def test_artifacts_of_the_platform_are_entries_of_their_own(there: Upstream) -> None:
    assert chosen(there, *WITH_BINARIES) == {
        "A": WITH_BINARIES[0].locked,
        "B_jll": B_JLL.locked,
        "B_jll:lib": B_JLL.artifact(LIB),
        "B_jll:tool": B_JLL.artifact(TOOL),
    }


def test_lazy_artifacts_only_where_the_recipe_asks(there: Upstream) -> None:
    found = chosen(there, *WITH_BINARIES, names=("A", "B_jll@lazy"))
    assert found["B_jll:big"] == B_JLL.artifact(BIG)
    assert found.keys() == {"A", "B_jll", "B_jll:big", "B_jll:lib", "B_jll:tool"}


def test_a_child_has_no_artifacts_of_its_ancestors_but_lazy_ones(there: Upstream) -> None:
    inherited = {
        "B_jll": B_JLL.locked,
        "B_jll:lib": B_JLL.artifact(LIB),
        "B_jll:tool": B_JLL.artifact(TOOL),
    }
    found = chosen(there, *WITH_BINARIES, inherited=inherited)
    assert found == {"A": WITH_BINARIES[0].locked}
    found = chosen(
        there, *WITH_BINARIES, names=("A", "B_jll@lazy"), inherited=inherited, preferred=inherited
    )
    assert found == {"A": WITH_BINARIES[0].locked, "B_jll:big": B_JLL.artifact(BIG)}


def test_where_a_program_of_the_package_takes_its_pick_all_that_fit_are_locked(
    there: Upstream,
) -> None:
    one, other = (
        Binary(name="lib", files={"a": kind}, platform={**X86, "mpi": kind})
        for kind in ("mpich", "openmpi")
    )
    more = {".pkg/select_artifacts.jl": "push!(ARGS)"}
    jll = Release(name="A", version="1.0.0", binaries=(one, other, ARM_LIB, TOOL), more=more)
    assert chosen(there, jll) == {
        "A": jll.locked,
        f"A:lib:{one.tree}": jll.artifact(one),
        f"A:lib:{other.tree}": jll.artifact(other),
        "A:tool": jll.artifact(TOOL),
    }


def test_what_is_locked_is_fetched_and_checked(there: Upstream) -> None:
    locked = chosen(there, *WITH_BINARIES)
    again = JuliaResolver(fetcher=there.fetcher())
    files = again.fetch(asked("A", julia="1.10.4"), locked)
    assert files["B_jll:lib"].read_bytes() == tarball(LIB.files)
    assert again.fetch(asked("B_jll", julia="1.10.4"), {"B_jll": B_JLL.former}).keys() == {"B_jll"}
    forged = {"B_jll:lib": replace(locked["B_jll:lib"], digest="git-tree-sha256:" + "0" * 64)}
    with pytest.raises(StepError, match=r"^B_jll:lib 1\.0\.0\+1: .* than expected, by sha256"):
        again.fetch(asked("A", julia="1.10.4"), forged)


def test_an_artifact_that_the_server_lacks(there: Upstream) -> None:
    resolver = layers(there, *WITH_BINARIES)
    del there.files[f"/julia-packages/artifact/{LIB.tree}"]
    with pytest.raises(StepError, match=f"artifact/{LIB.tree} does not exist"):
        resolver.resolve(with_julia(there, "A"))


def test_packages_are_asked_again_for_their_artifacts(there: Upstream) -> None:
    again = layers(there, *WITH_BINARIES)
    lib = B_JLL.artifact(LIB)
    held = {
        "B_jll:lib": lib,
        "B_jll:big": B_JLL.artifact(BIG),
        "B_jll:tool": replace(B_JLL.artifact(TOOL), file=lib.file, digest=lib.digest),
        "B_jll:none": lib,
        "C_jll:lib": lib,
    }
    assert again.differing(with_julia(there, "A"), held) == {
        "B_jll:tool": f"the index states git-tree-sha1:{TOOL.tree}, not git-tree-sha1:{LIB.tree}",
        "B_jll:none": "the index has it not",
        "C_jll:lib": "the index has it not",
    }
