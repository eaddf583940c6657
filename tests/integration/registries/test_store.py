"""What a store does with each registry: images, artifacts, tags, indexes, releases, removal."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.catalog_fetch.artefact import source_in
from builder.common.errors import StepError
from builder.oci.image import ImageLayer
from builder.oci.layout import blob, layers_in
from builder.registry.interfaces import Artifact, Blob
from builder.registry.release_record import Record
from tests.fakes.catalog import Folder, Week
from tests.fakes.layout import write_layout
from tests.integration.registries.conftest import Client

ARTIFACT = Artifact(
    kind="application/vnd.example.thing.v1+json",
    config=b'{"a": 1}',
    files={"one.json": Blob(kind="application/json", data=b'{"one": 1}\n')},
    annotations={"org.example.note": "a note"},
)
MISSING = "sha256:" + "0" * 64


def test_an_image_is_pushed_once_and_has_its_digest(client: Client, tmp_path: Path) -> None:
    store, place = client.store, client.place("image:a")
    digest = write_layout(tmp_path / "one", b"one")
    other = write_layout(tmp_path / "two", b"two")
    assert store.digest(place) is None
    assert store.push(tmp_path / "one", place) == digest
    assert store.push(tmp_path / "two", place) == digest != other
    assert store.digest(place) == store.digest(place.at(digest)) == digest
    assert store.tags(place.name) == ("a",)
    (layer,) = store.layers(place)
    store.blob(place.at(digest), layer, tmp_path / "blob")
    assert (tmp_path / "blob").read_bytes() == blob(tmp_path / "one", layer.digest).read_bytes()


def test_a_child_gets_the_layers_of_its_parent(client: Client, tmp_path: Path) -> None:
    layout = tmp_path / "layout"
    digest = write_layout(layout, client.folder.encode())
    client.store.push(layout, client.place("parent:a"))
    (layer,) = layers_in(layout)
    blob(layout, layer.digest).unlink()
    assert client.store.push(layout, client.place("child:a"), client.place("parent:a")) == digest
    assert [item.digest for item in client.store.layers(client.place("child:a"))] == [layer.digest]


def test_a_copy_to_another_repository(client: Client, tmp_path: Path) -> None:
    digest = write_layout(tmp_path / "one", b"one")
    client.store.push(tmp_path / "one", client.place("image:a"))
    client.store.copy(client.place("image").at(digest), client.place("other:b"))
    assert client.store.digest(client.place("other:b")) == digest


def test_an_image_is_exported(client: Client, tmp_path: Path) -> None:
    digest = write_layout(tmp_path / "one", b"one")
    client.store.push(tmp_path / "one", client.place("image:a"))
    client.store.export(client.place("image").at(digest), tmp_path / "out", "name")
    assert (tmp_path / "out" / "blobs" / "sha256" / digest.removeprefix("sha256:")).is_file()


def test_an_artifact_comes_back_as_it_was(client: Client) -> None:
    store, place = client.store, client.place("thing:a")
    assert store.get(place) is None
    digest = store.put(ARTIFACT, place)
    assert store.get(place) == store.get(place.at(digest)) == ARTIFACT
    store.copy(place, place.with_tag("b"))
    assert store.digest(place.with_tag("b")) == store.put(ARTIFACT, place) == digest
    assert store.configs(place) == {digest: {"a": 1}}


def test_all_tags_are_listed_in_order_and_once(client: Client) -> None:
    place = client.place("thing:a")
    client.store.put(ARTIFACT, place)
    tags = ("A", "a", "b", "c.1", "c.10", "d", "e_1", "latest")
    for tag in tags:
        client.store.copy(place, place.with_tag(tag))
    assert client.store.tags(place.name) == tags
    assert client.store.tags(client.place("none").name) == ()


def test_an_index_is_put_and_read(client: Client) -> None:
    store, place = client.store, client.place("thing")
    one = store.put(ARTIFACT, place.with_tag("one"))
    two = store.put(Artifact(kind="x/y", files={}), place.with_tag("two"))
    digest = store.put_index({"linux/amd64": one, "linux/arm64": two}, place)
    assert store.digest(place.at(digest)) == digest
    assert set(store.blobs(place.at(digest))) == {one, two, digest}
    assert set(store.configs(place.at(digest))) == {one, two}


def test_what_is_removed(client: Client) -> None:
    store, place = client.store, client.place("thing:a")
    digest = store.put(ARTIFACT, place)
    store.copy(place, place.with_tag("b"))
    if not client.front.behaviour.deletes:
        assert not store.untag(place)
        with pytest.raises(StepError) as caught:
            store.delete(place.at(digest))
        assert caught.value.message == f"{place.registry} deletes no manifests"
        assert caught.value.hint
        assert store.digest(place) == digest
        return
    assert store.untag(place) is client.front.behaviour.untags
    assert store.digest(place.with_tag("b")) == digest
    assert (store.digest(place) is None) is client.front.behaviour.untags
    assert store.delete(place.at(digest))
    assert not store.delete(place.at(digest))
    assert not store.delete(place.at(MISSING))
    assert store.tags(place.name) == ()


# Releases before the others are made by test_commands.
@pytest.mark.parametrize("client", ["hub", "nexus", "gitlab"], indirect=True)
def test_a_release_and_the_next(client: Client, folder: Folder) -> None:
    place = client.front.behaviour.place
    folder.edit("matrix.yaml", "registries: [embedded]", f'registries: ["{place}"]')
    folder.edit("matrix.yaml", "{registry}/shop-", "{registry}/" + f"{client.folder}-")
    for name in ("os", "base", "charts/desk", "releases"):
        client.place(name)
    week = Week(folder=folder, store=client.store)  # type: ignore[arg-type]
    picked = ("base,os=1",)
    results = week.go_by(*picked)
    assert results["release"].status == "done", results["release"].reason
    assert week.plan(*picked).steps["release"].action == "keep"
    folder.edit("images/base/Dockerfile.j2", "FROM", "# again\nFROM")
    results = week.go_by(*picked, today="2026-11-30")
    assert results["release"].status == "done", results["release"].reason
    current = week.records().current()
    assert current is not None
    assert (current.release, current.previous) == ("2026.11.30", "2026.11.23")
    assert week.records().names() == ("2026.11.23", "2026.11.30")
    assert_that_it_can_be_stood_on(client, week, current)


def assert_that_it_can_be_stood_on(client: Client, week: Week, current: Record) -> None:
    """The files that a release was made from are beside its record."""
    place = week.records().repository.with_tag(f"{current.release}.source")
    digest, artifact = client.store.digest(place), client.store.get(place)
    assert digest
    assert artifact
    assert client.store.digest(place.with_tag("current.source")) == digest
    assert source_in(artifact, digest).content == current.source.content


def test_the_builder_tells_who_asks_by_tls_alone(client: Client) -> None:
    """Whatever the registry leads to, no password goes where it can be read on the way."""
    place = client.place("thing:a")
    client.store.put(ARTIFACT, place)
    assert client.store.get(place) == ARTIFACT
    if client.front.behaviour.user:
        assert [item for item in client.asked() if item.tells_who and not item.is_secure] == []
        assert [item for item in client.asked("storage") if item.code >= 400] == []


def test_a_blob_that_is_not_there_leaves_no_file(client: Client, tmp_path: Path) -> None:
    client.store.put(ARTIFACT, client.place("thing:a"))
    layer = ImageLayer(digest=MISSING, size=1, diff="")
    with pytest.raises(StepError):
        client.store.blob(client.place("thing:a"), layer, tmp_path / "blob")
    assert list(tmp_path.glob("blob*")) == []
