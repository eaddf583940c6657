"""Jars of Maven's repository: which versions are chosen, how they are locked, what is refused."""

from __future__ import annotations

import hashlib
import io
import tarfile

import pytest

from builder.catalog.models import RemoteFile
from builder.catalog.packages import LockedPackage
from builder.common.errors import BuilderError, NoPackageError, StepError, UnreachableError
from builder.lock.interfaces import PackageRequest
from builder.resolvers.maven.ecosystem import MAVEN
from builder.resolvers.maven.packages import MavenResolver
from tests.fakes.layers import asked
from tests.fakes.lines import Upstream, nowhere

HADOOP = "3.4.2"


def dependency(text: str, more: str = "") -> str:
    """A dependency `group:name:version`; without a version it has none."""
    group, name, *version = text.split(":")
    stated = "".join(f"<version>{it}</version>" for it in version)
    return (
        f"<dependency><groupId>{group}</groupId><artifactId>{name}</artifactId>{stated}{more}"
        "</dependency>"
    )


def publish(there: Upstream, text: str, body: str = "", *, parent: str = "") -> None:
    """Have a project `group:name:version` with a jar that holds its name."""
    group, name, version = text.split(":")
    if parent:
        above = parent.split(":")
        parent = (
            f"<parent><groupId>{above[0]}</groupId><artifactId>{above[1]}</artifactId>"
            f"<version>{above[2]}</version></parent>"
        )
    start = f"maven/{group.replace('.', '/')}/{name}/{version}/{name}-{version}"
    project = '<project xmlns="http://maven.apache.org/POM/4.0.0">'
    there.serve(f"{start}.pom", f"{project}{parent}<artifactId>{name}</artifactId>{body}</project>")
    there.serve(f"{start}.jar", f"{text} as a jar")


def managed(*dependencies: str) -> str:
    return (
        f"<dependencyManagement><dependencies>{''.join(dependencies)}</dependencies>"
        "</dependencyManagement>"
    )


def needs(*dependencies: str) -> str:
    return f"<dependencies>{''.join(dependencies)}</dependencies>"


def resolver(there: Upstream) -> MavenResolver:
    fetcher = there.fetcher()
    return MavenResolver(fetcher=fetcher, download=fetcher.file)


def chosen(there: Upstream, *names: str) -> list[str]:
    """The jars that are locked, as `name version`."""
    found = resolver(there).resolve(asked(*names))
    return [
        f"{name.rpartition(':')[2]} {package.version}"
        for name, package in found.items()
        if not name.endswith("@pom")
    ]


def refused(there: Upstream, *names: str) -> str:
    with pytest.raises(BuilderError) as raised:
        resolver(there).resolve(asked(*names))
    assert not isinstance(raised.value, UnreachableError)
    return raised.value.message


def test_a_jar_and_its_project_are_locked_by_their_hash(there: Upstream) -> None:
    publish(there, "org.oak:oak:1.0")
    found = resolver(there).resolve(asked("org.oak:oak:1.0"))
    digest = hashlib.sha256(b"org.oak:oak:1.0 as a jar").hexdigest()
    assert list(found) == ["org.oak:oak", "org.oak:oak@pom"]
    assert found["org.oak:oak"] == LockedPackage(
        version="1.0", digest=f"sha256:{digest}", source="maven",
        file="org/oak/oak/1.0/oak-1.0.jar",
    )  # fmt: skip
    assert found["org.oak:oak@pom"].file == "org/oak/oak/1.0/oak-1.0.pom"
    assert all(MAVEN.shape.flaw(name, package) == "" for name, package in found.items())
    files = resolver(there).fetch(asked(), found)
    assert files["org.oak:oak"].read_bytes() == b"org.oak:oak:1.0 as a jar"


def test_what_is_nearest_to_the_root_wins(there: Upstream) -> None:
    publish(there, "a:a:1", needs(dependency("b:b:1"), dependency("d:d:1")))
    publish(there, "b:b:1", needs(dependency("c:c:1")))
    publish(there, "c:c:1", needs(dependency("d:d:9")))
    publish(there, "c:c:2")
    publish(there, "d:d:1")
    assert chosen(there, "a:a:1") == ["a 1", "b 1", "c 1", "d 1"]
    assert chosen(there, "a:a:1", "c:c:2") == ["a 1", "b 1", "c 2", "d 1"]


def test_what_is_not_run_with_is_left_out(there: Upstream) -> None:
    more = [
        dependency("t:test:1", "<scope>test</scope>"),
        dependency("t:provided:1", "<scope>provided</scope>"),
        dependency("t:optional:1", "<optional>true</optional>"),
        dependency("r:runtime:1", "<scope>runtime</scope>"),
    ]
    publish(there, "a:a:1", needs(*more))
    publish(there, "r:runtime:1")
    assert chosen(there, "a:a:1") == ["a 1", "runtime 1"]
    assert chosen(there, "a:a:1@jar") == ["a 1"]


def test_exclusions_hold_for_all_that_is_below(there: Upstream) -> None:
    without = "<exclusions><exclusion><groupId>c</groupId><artifactId>*</artifactId></exclusion>"
    publish(there, "a:a:1", needs(dependency("b:b:1", f"{without}</exclusions>")))
    publish(there, "b:b:1", needs(dependency("c:c:1"), dependency("d:d:1")))
    publish(there, "d:d:1", needs(dependency("c:c:1")))
    assert chosen(there, "a:a:1") == ["a 1", "b 1", "d 1"]


def test_parents_properties_and_imported_projects(there: Upstream) -> None:
    bom = dependency("b:bom:7", "<type>pom</type><scope>import</scope>")
    publish(there, "b:bom:7", managed(dependency("c:c:${project.version}"), dependency("d:d:6")))
    publish(
        there,
        "a:parent:1",
        f"<properties><d.version>5</d.version></properties>"
        f"{managed(bom, dependency('d:d:${d.version}'))}",
    )
    body = "<properties><d.version>6</d.version></properties>" + needs(
        dependency("c:c"), dependency("d:d")
    )
    publish(there, "a:a:1", body, parent="a:parent:1")
    publish(there, "c:c:7")
    publish(there, "d:d:6")
    assert chosen(there, "a:a:1") == ["a 1", "c 7", "d 6"]


def test_a_project_that_was_moved(there: Upstream) -> None:
    moved = "<relocation><groupId>new</groupId></relocation>"
    publish(there, "a:a:1", f"<distributionManagement>{moved}</distributionManagement>")
    publish(there, "new:a:1")
    assert list(resolver(there).resolve(asked("a:a:1"))) == ["new:a", "new:a@pom"]


def spark(there: Upstream) -> RemoteFile:
    """An archive with a Hadoop in it."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as tar:
        tar.addfile(tarfile.TarInfo(f"pyspark/deps/jars/hadoop-client-api-{HADOOP}.jar"))
    data = target.getvalue()
    there.serve("spark/spark.tgz", data)
    url = "https://archive.apache.org/dist/spark/spark.tgz"
    return RemoteFile(name="spark.tgz", url=url, sha256=hashlib.sha256(data).hexdigest())


def test_versions_that_hadoop_was_made_with(there: Upstream) -> None:
    project = (
        "<properties><sdk.version>2.9</sdk.version></properties>"
        + managed(dependency("log:log:1.7"), dependency("org.apache.hadoop:aws:3.4.2"))
        + needs(dependency("junit:junit:4"))
    )
    publish(there, f"org.apache.hadoop:hadoop-project:{HADOOP}", project)
    publish(there, f"org.apache.hadoop:aws:{HADOOP}", needs(dependency("sdk:all:1")))
    publish(there, "sdk:s3:2.9", needs(dependency("log:log:2.0")))
    publish(there, "log:log:1.7")
    request: PackageRequest = asked(
        "org.apache.hadoop:aws:${project.version}@jar", "sdk:s3:${sdk.version}",
        archives=(spark(there),),
    )  # fmt: skip
    several = resolver(there)
    found = several.resolve(request)
    assert {name: package.version for name, package in found.items() if "@" not in name} == {
        "log:log": "1.7", "org.apache.hadoop:aws": HADOOP, "sdk:s3": "2.9",
    }  # fmt: skip
    count = len(there.server.asked)
    assert several.resolve(request) == found
    assert len(there.server.asked) == count
    assert several.is_newest(request, found)
    assert all(MAVEN.is_met(name, found) for name in request.names)


def test_what_an_ancestor_has_is_not_locked_again(there: Upstream) -> None:
    publish(there, "a:a:1", needs(dependency("b:b:1")))
    publish(there, "b:b:1")
    found = resolver(there).resolve(asked("a:a:1"))
    inherited = {"b:b": found["b:b"]}
    again = resolver(there).resolve(asked("a:a:1", inherited=inherited))
    assert list(again) == ["a:a", "a:a@pom", "b:b@pom"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a:a", "a:a is not the name of a package of Maven (recipe leaf)"),
        ("a:a:${sdk.version}", "builder:jars:1 has no property sdk.version"),
        ("a:a:[1,2)", "a range of versions cannot be locked: [1,2)"),
        ("a:gone:1", "Maven's repository lacks what leaf/debian=13 needs"),
        ("a:unversioned:1", "nobody states a version of x:x"),
        ("a:loop:1", "a:loop:1 has too many parents, or is its own"),
        ("a:bomb:1", "a:bomb:1: its project has entities, which none needs"),
        ("a:torn:1", "a:torn:1: its project cannot be read"),
        ("a:war:1", "w:w:1 is a war, which cannot be locked"),
        ("a:itself:1", "a property of '${x}' names itself"),
    ],
)
def test_what_cannot_be_locked(there: Upstream, name: str, said: str) -> None:
    publish(there, "a:unversioned:1", needs(dependency("x:x")))
    publish(there, "a:loop:1", parent="a:loop:1")
    publish(there, "a:war:1", needs(dependency("w:w:1", "<type>war</type>")))
    publish(there, "w:w:1")
    properties = "<properties><x>${x}</x></properties>"
    publish(there, "a:itself:1", properties + needs(dependency("x:x:${x}")))
    there.serve("maven/a/bomb/1/bomb-1.pom", '<!DOCTYPE x [<!ENTITY a "b">]><project/>')
    there.serve("maven/a/torn/1/torn-1.pom", "<project>")
    assert said in refused(there, name)


def test_two_files_of_one_name(there: Upstream) -> None:
    publish(there, "a:x:1")
    publish(there, "b:x:1")
    found = resolver(there).resolve(asked("a:x:1", "b:x:1"))
    paths = [MAVEN.file_path(package) for package in found.values()]
    assert paths == ["a/x/1/x-1.jar", "a/x/1/x-1.pom", "b/x/1/x-1.jar", "b/x/1/x-1.pom"]


def test_a_jar_that_was_replaced(there: Upstream) -> None:
    publish(there, "a:a:1")
    held = dict(resolver(there).resolve(asked("a:a:1")))
    again = resolver(there)
    assert again.differing(asked("a:a:1"), held) == {}
    there.serve("maven/a/a/1/a-1.jar", "another")
    del there.files["/maven/a/a/1/a-1.pom"]
    other = hashlib.sha256(b"another").hexdigest()
    assert again.differing(asked("a:a:1"), held) == {
        "a:a": f"the index states sha256:{other}, not {held['a:a'].digest}",
        "a:a@pom": "the index has it not",
    }
    fresh = {"a:a": LockedPackage(
        version="1", digest="sha256:" + "0" * 64, source="maven", file="a/a/1/a-1.jar"
    )}  # fmt: skip
    with pytest.raises(StepError):
        again.fetch(asked(), fresh)


def test_a_repository_that_does_not_answer(there: Upstream) -> None:
    fetcher = nowhere(there.fetcher().folder)
    with pytest.raises(UnreachableError):
        MavenResolver(fetcher=fetcher, download=fetcher.file).resolve(asked("a:a:1"))


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("a:a", "a/a/1/b-1.jar"),
        ("a:a", "a/b/1/a-1.jar"),
        ("a:a", "a/a/2/a-2.jar"),
        ("a:a", "a/a/1/a-1.pom"),
        ("a:a@pom", "a/a/1/a-1.jar"),
        ("a:a", "../a/a-1.jar"),
        ("a", "a/a/1/a-1.jar"),
    ],
)
def test_an_entry_as_an_attacker_writes_it(name: str, file: str) -> None:
    package = LockedPackage(version="1", digest="sha256:" + "0" * 64, source="maven", file=file)
    assert MAVEN.shape.flaw(name, package)


def test_a_name_that_is_none_says_what_to_write(there: Upstream) -> None:
    with pytest.raises(NoPackageError) as raised:
        resolver(there).resolve(asked("oak"))
    assert raised.value.hint == "write group:name:version, with @jar at its end for the jar alone"
