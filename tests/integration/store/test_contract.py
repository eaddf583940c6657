"""What every Registry does: the fake, and the adapter with a real registry."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest

from builder.build.patience import PatientStore
from builder.common.errors import DamagedError, StepError
from builder.common.hashing import digest_of
from builder.common.process import Runner
from builder.oci.layout import blob, layers_in, missing
from builder.oci.reference import Reference, parse
from builder.registry.interfaces import Artifact, Blob, Part, Registry
from builder.registry.store import RegistryStore
from tests.fakes.layout import write_layout
from tests.fakes.store import FakeStore
from tests.integration.registry import registry

ARTIFACT = Artifact(
    kind="application/vnd.example.thing.v1+json",
    config=b'{"a": 1}',
    files={
        "one.json": Blob(
            kind="application/json", data=b'{"one": 1}\n', annotations={"org.example.by": "one"}
        ),
        "two.bin": Blob(kind="application/octet-stream", data=bytes(range(256))),
    },
    annotations={"org.example.note": "a note"},
)
Place = Callable[[str], Reference]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A registry."""
    folder, runner = Path(tempfile.mkdtemp()), Runner()
    with registry(folder, runner=runner) as host:
        yield host
    runner.stop()
    shutil.rmtree(folder)


@pytest.fixture(params=["fake", "registry", "patient"])
def store(request: pytest.FixtureRequest) -> Registry:
    """Return one Registry; a patient one is patient with the fake one."""
    if request.param == "fake":
        return FakeStore()
    if request.param == "patient":
        return PatientStore(FakeStore(), wait=lambda *_: pytest.fail("nothing went wrong"))
    request.getfixturevalue("address")
    return RegistryStore(runner=Runner(), skopeo="skopeo", enclose=lambda command: command)


@pytest.fixture
def place(address: str, request: pytest.FixtureRequest) -> Place:
    """References below a name of the test's own."""
    folder = f"{abs(hash(request.node.name)):x}"
    return lambda text: parse(f"{address}/{folder}/{text}")


@pytest.fixture
def layouts(tmp_path: Path) -> Callable[[str], tuple[Path, str]]:
    """Makes layouts that hold a text; each with its digest."""

    def make(text: str) -> tuple[Path, str]:
        return tmp_path / text, write_layout(tmp_path / text, text.encode())

    return make


Layouts = Callable[[str], tuple[Path, str]]
MISSING = "sha256:" + "0" * 64


def test_what_a_layout_lacks_is_lent_by_its_parent(
    store: Registry, place: Place, layouts: Layouts, tmp_path: Path
) -> None:
    layout, digest = layouts("one")
    store.push(layout, place("parent:a"))
    lean = tmp_path / "lean"
    shutil.copytree(layout, lean)
    (layer,) = layers_in(lean)
    blob(lean, layer.digest).unlink()
    assert missing(lean) == (layer,)
    assert store.push(lean, place("child:a"), place("parent:a")) == digest
    assert store.digest(place("child:a")) == digest


def test_a_blob_is_written_to_a_file(
    store: Registry, place: Place, layouts: Layouts, tmp_path: Path
) -> None:
    layout, digest = layouts("one")
    store.push(layout, place("image:a"))
    (layer,) = store.layers(place("image:a"))
    file = tmp_path / "below" / "blob"
    store.blob(place(f"image@{digest}"), layer, file)
    assert file.read_bytes() == blob(layout, layer.digest).read_bytes()
    for wrong in (replace(layer, digest=MISSING), replace(layer, size=layer.size + 1)):
        with pytest.raises(StepError):
            store.blob(place(f"image@{digest}"), wrong, tmp_path / "no")
    assert not (tmp_path / "no").exists()


def test_images_are_exported_under_their_names(
    store: Registry, place: Place, layouts: Layouts, tmp_path: Path
) -> None:
    digests = {}
    for name in ("one", "two"):
        layout, digests[name] = layouts(name)
        store.push(layout, place(f"image:{name}"))
        store.export(place(f"image:{name}"), tmp_path / "out", name)
    index = json.loads((tmp_path / "out" / "index.json").read_text())
    names = {
        item["annotations"]["org.opencontainers.image.ref.name"]: item["digest"]
        for item in index["manifests"]
    }
    assert names == digests
    for name in digests:
        for file in (tmp_path / name / "blobs" / "sha256").iterdir():
            assert (tmp_path / "out/blobs/sha256" / file.name).read_bytes() == file.read_bytes()
    with pytest.raises(StepError):
        store.export(place("image:none"), tmp_path / "no", "none")


def test_what_is_not_there(store: Registry, place: Place) -> None:
    assert store.tags(place("none").name) == ()
    assert store.digest(place("none:tag")) is None
    assert store.digest(place(f"none@{MISSING}")) is None
    assert store.get(place("none:tag")) is None
    assert store.get(place(f"none@{MISSING}")) is None


def test_a_layout_is_pushed_as_it_is(store: Registry, place: Place, layouts: Layouts) -> None:
    layout, digest = layouts("one")
    assert store.push(layout, place("image:a")) == digest
    assert store.digest(place("image:a")) == digest
    assert store.digest(place(f"image@{digest}")) == digest
    assert store.digest(place("image:b")) is None
    assert store.tags(place("image").name) == ("a",)


def test_the_first_push_wins(store: Registry, place: Place, layouts: Layouts) -> None:
    (one, first), (two, second) = layouts("one"), layouts("two")
    assert first != second
    store.push(one, place("image:a"))
    assert store.push(two, place("image:a")) == first
    assert store.digest(place("image:a")) == first
    assert store.push(two, place("image:b")) == second


def test_the_same_push_again(store: Registry, place: Place, layouts: Layouts) -> None:
    layout, digest = layouts("one")
    assert store.push(layout, place("image:a")) == store.push(layout, place("image:a")) == digest


def test_tags_are_sorted(store: Registry, place: Place, layouts: Layouts) -> None:
    layout, _ = layouts("one")
    for tag in ("b", "a", "c.1", "B"):
        store.push(layout, place(f"image:{tag}"))
    assert store.tags(place("image").name) == ("B", "a", "b", "c.1")


def test_tags_are_of_one_repository(store: Registry, place: Place, layouts: Layouts) -> None:
    layout, _ = layouts("one")
    store.push(layout, place("image:a"))
    store.push(layout, place("image-more:b"))
    store.push(layout, place("image/below:c"))
    assert store.tags(place("image").name) == ("a",)


def test_a_copy_within_a_repository(store: Registry, place: Place, layouts: Layouts) -> None:
    layout, digest = layouts("one")
    store.push(layout, place("image:a"))
    store.copy(place("image:a"), place("image:b"))
    store.copy(place(f"image@{digest}"), place("image:c"))
    assert store.tags(place("image").name) == ("a", "b", "c")
    assert {store.digest(place(f"image:{tag}")) for tag in "abc"} == {digest}


def test_a_copy_moves_a_tag(store: Registry, place: Place, layouts: Layouts) -> None:
    (one, first), (two, second) = layouts("one"), layouts("two")
    store.push(one, place("image:a"))
    store.push(two, place("image:b"))
    store.copy(place("image:b"), place("image:a"))
    assert store.digest(place("image:a")) == second
    assert store.digest(place(f"image@{first}")) == first


def test_a_copy_to_another_repository(store: Registry, place: Place, layouts: Layouts) -> None:
    layout, digest = layouts("one")
    store.push(layout, place("image:a"))
    store.copy(place(f"image@{digest}"), place("other:b"))
    assert store.digest(place("other:b")) == digest
    assert store.tags(place("other").name) == ("b",)


@pytest.mark.parametrize("target", ["image:b", "other:b"])
def test_a_copy_of_nothing(store: Registry, place: Place, layouts: Layouts, target: str) -> None:
    layout, _ = layouts("one")
    store.push(layout, place("image:a"))
    with pytest.raises(StepError):
        store.copy(place("image:none"), place(target))
    assert store.digest(place(target)) is None


def test_an_artifact_comes_back_as_it_was(store: Registry, place: Place) -> None:
    digest = store.put(ARTIFACT, place("thing:a"))
    assert store.digest(place("thing:a")) == digest
    assert store.get(place("thing:a")) == ARTIFACT
    assert store.get(place(f"thing@{digest}")) == ARTIFACT


def test_an_artifact_is_summed_up_without_its_content(store: Registry, place: Place) -> None:
    store.put(ARTIFACT, place("thing:a"))
    summary = store.summary(place("thing:a"))
    assert summary is not None
    assert summary.config == part(ARTIFACT.config)
    assert summary.files == {
        title: part(blob.data, blob.annotations) for title, blob in ARTIFACT.files.items()
    }
    assert store.content(place("thing:a"), summary.config) == ARTIFACT.config
    for title, found in summary.files.items():
        assert store.content(place("thing:a"), found) == ARTIFACT.files[title].data
    assert store.summary(place("thing:none")) is None
    with pytest.raises(DamagedError):
        store.content(place("thing:a"), part(b"not there"))


def part(data: bytes, annotations: Mapping[str, str] = MappingProxyType({})) -> Part:
    return Part(digest=digest_of(data), size=len(data), annotations=annotations)


def test_the_same_artifact_has_the_same_digest(store: Registry, place: Place) -> None:
    digest = store.put(ARTIFACT, place("thing:a"))
    assert store.put(ARTIFACT, place("thing:b")) == digest
    assert store.put(replace(ARTIFACT, config=b"{}"), place("thing:c")) != digest


def test_an_artifact_replaces_another(store: Registry, place: Place) -> None:
    old = store.put(ARTIFACT, place("thing:a"))
    other = Artifact(kind="x/y", files={"z": Blob(kind="text/plain", data=b"")})
    store.put(other, place("thing:a"))
    assert store.get(place("thing:a")) == other
    assert store.get(place(f"thing@{old}")) == ARTIFACT


@pytest.mark.parametrize("target", ["thing:b", "other:b"])
def test_an_artifact_is_copied_like_an_image(store: Registry, place: Place, target: str) -> None:
    digest = store.put(ARTIFACT, place("thing:a"))
    store.copy(place(f"thing@{digest}"), place(target))
    assert store.digest(place(target)) == digest
    assert store.get(place(target)) == ARTIFACT


def test_many_at_once(store: Registry, place: Place) -> None:
    def put(number: int) -> str:
        artifact = replace(ARTIFACT, config=f'{{"n": {number}}}'.encode())
        return store.put(artifact, place(f"many:t{number}"))

    with ThreadPoolExecutor(8) as pool:
        digests = list(pool.map(put, range(24)))
        assert list(pool.map(lambda n: store.digest(place(f"many:t{n}")), range(24))) == digests
    assert len(set(digests)) == 24
    assert len(store.tags(place("many").name)) == 24


# Images of several platforms.


def pair(store: Registry, place: Place, layouts: Layouts) -> dict[str, str]:
    """Two images in one repository, as if for two platforms."""
    found = {}
    for platform, text in (("linux/arm/v7", "one"), ("linux/amd64", "two")):
        layout, found[platform] = layouts(text)
        store.push(layout, place(f"image:{text}"))
    return found


def test_an_index_is_there_by_its_digest_alone(
    store: Registry, place: Place, layouts: Layouts
) -> None:
    manifests = pair(store, place, layouts)
    digest = store.put_index(manifests, place("image"))
    assert digest not in manifests.values()
    assert store.digest(place(f"image@{digest}")) == digest
    assert store.tags(place("image").name) == ("one", "two")


def test_what_an_image_is_configured_as(
    store: Registry, place: Place, layouts: Layouts, tmp_path: Path
) -> None:
    digest = write_layout(tmp_path / "image", b"x", ["HOME=/home"])
    store.push(tmp_path / "image", place("image:a"))
    (found,) = store.configs(place("image:a")).items()
    assert (found[0], found[1]["config"]) == (digest, {"Env": ["HOME=/home"]})
    assert found[1]["rootfs"]["diff_ids"] == [layers_in(tmp_path / "image")[0].diff]
    assert store.configs(place("image:b")) == store.configs(place("none:a")) == {}
    manifests = {**pair(store, place, layouts), "linux/s390x": digest}
    index = store.put_index(manifests, place("image"))
    assert set(store.configs(place(f"image@{index}"))) == set(manifests.values())


def test_an_artifact_is_configured_as_it_was_put(store: Registry, place: Place) -> None:
    digest = store.put(ARTIFACT, place("thing:a"))
    assert store.configs(place("thing:a")) == {digest: {"a": 1}}


def test_the_same_manifests_are_the_same_index(
    store: Registry, place: Place, layouts: Layouts
) -> None:
    manifests = pair(store, place, layouts)
    digest = store.put_index(manifests, place("image"))
    assert store.put_index(dict(reversed(manifests.items())), place("image")) == digest
    swapped = dict(zip(manifests, reversed(manifests.values()), strict=True))
    assert store.put_index(swapped, place("image")) != digest
    assert store.put_index({"linux/amd64": manifests["linux/amd64"]}, place("image")) != digest


@pytest.mark.parametrize("target", ["image:all", "other:all"])
def test_a_tag_of_an_index_is_a_copy(
    store: Registry, place: Place, layouts: Layouts, target: str
) -> None:
    manifests = pair(store, place, layouts)
    digest = store.put_index(manifests, place("image"))
    store.copy(place(f"image@{digest}"), place(target))
    assert store.digest(place(target)) == digest
    for manifest in manifests.values():
        assert store.digest(place(target).at(manifest)) == manifest
    store.copy(place("image:one"), place("image:all"))
    assert store.digest(place("image:all")) == manifests["linux/arm/v7"]


def test_an_index_of_what_is_not_there(store: Registry, place: Place, layouts: Layouts) -> None:
    manifests = pair(store, place, layouts) | {"linux/s390x": MISSING}
    with pytest.raises(StepError) as caught:
        store.put_index(manifests, place("image"))
    assert caught.value.message == f"{place('image')}@{MISSING} is not in the registry"
    assert store.tags(place("image").name) == ("one", "two")


# What is removed.


def test_a_digest_goes_with_all_its_tags(store: Registry, place: Place, layouts: Layouts) -> None:
    (one, first), (two, second) = layouts("one"), layouts("two")
    store.push(one, place("image:a"))
    store.push(two, place("image:b"))
    store.copy(place("image:a"), place("image:c"))
    store.copy(place("image:a"), place("other:a"))
    assert store.delete(place(f"image@{first}"))
    assert store.digest(place(f"image@{first}")) is None
    assert store.tags(place("image").name) == ("b",)
    assert store.digest(place("image:a")) is None
    assert store.digest(place("image:b")) == second
    assert store.digest(place("other:a")) == first


def test_what_is_gone_already(store: Registry, place: Place, layouts: Layouts) -> None:
    layout, digest = layouts("one")
    store.push(layout, place("image:a"))
    assert store.delete(place(f"image@{digest}"))
    assert not store.delete(place(f"image@{digest}"))
    assert not store.delete(place(f"none@{MISSING}"))
    assert store.blobs(place(f"image@{digest}")) == {}


def test_what_went_can_come_back(store: Registry, place: Place, layouts: Layouts) -> None:
    layout, digest = layouts("one")
    store.push(layout, place("image:a"))
    store.delete(place(f"image@{digest}"))
    assert store.push(layout, place("image:a")) == digest
    assert store.tags(place("image").name) == ("a",)


def test_docker_registry_removes_no_tag_alone(
    store: Registry, place: Place, layouts: Layouts
) -> None:
    layout, digest = layouts("one")
    store.push(layout, place("image:a"))
    store.copy(place("image:a"), place("image:b"))
    assert not store.untag(place("image:a"))
    assert store.digest(place("image:a")) == store.digest(place("image:b")) == digest


def test_what_a_manifest_names(store: Registry, place: Place, layouts: Layouts) -> None:
    manifests = pair(store, place, layouts)
    digest = store.put_index(manifests, place("image"))
    named = store.blobs(place(f"image@{digest}"))
    assert set(named) == {digest, *manifests.values()}
    (layer,) = store.layers(place("image:one"))
    member = store.blobs(place("image:one"))
    assert member[layer.digest] == layer.size
    assert member[manifests["linux/arm/v7"]] == named[manifests["linux/arm/v7"]] > 0


def test_an_index_goes_and_its_members_stay(
    store: Registry, place: Place, layouts: Layouts
) -> None:
    manifests = pair(store, place, layouts)
    digest = store.put_index(manifests, place("image"))
    store.copy(place(f"image@{digest}"), place("image:all"))
    assert store.delete(place(f"image@{digest}"))
    assert store.tags(place("image").name) == ("one", "two")
    for manifest in manifests.values():
        assert store.digest(place(f"image@{manifest}")) == manifest
