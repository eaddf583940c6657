"""Who may write to the embedded registry, and who may delete; reading is open to all."""

from __future__ import annotations

import json
import stat
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from builder.common.errors import StepError
from builder.common.process import Command, Runner
from builder.oci.layout import blob, layers_in
from builder.oci.manifest import MANIFEST
from builder.oci.reference import Reference, parse
from builder.registry.credentials import CredentialFiles, WriteAccess
from builder.registry.embedded import EmbeddedRegistry
from builder.registry.interfaces import Artifact
from builder.registry.store import RegistryStore
from builder.testing.pod_runner import free_port
from tests.fakes.layout import write_layout

pytestmark = pytest.mark.slow

PLANTED = Artifact(kind="application/vnd.example.planted+json", files={})


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run of the builder on a state folder, as nobody who ever logged in anywhere."""

    embedded: EmbeddedRegistry
    address: str
    state: Path
    store: RegistryStore

    def place(self, text: str = "image:fp-1") -> Reference:
        return parse(f"{self.address}/{text}")

    def access(self) -> WriteAccess:
        found = self.embedded.write_access(self.address)
        assert found is not None
        return found


def run_on(state: Path, address: str, home: Path) -> Run:
    runner = Runner()
    embedded = EmbeddedRegistry(runner=runner, state=state, address=address)
    credentials = CredentialFiles(
        runner=runner,
        environment={"HOME": str(home), "XDG_RUNTIME_DIR": str(home)},
        write_access=embedded.write_access,
    )
    store = RegistryStore(
        runner=runner, skopeo="skopeo", enclose=lambda command: command, credentials=credentials
    )
    return Run(embedded=embedded, address=address, state=state, store=store)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    made = run_on(tmp_path / "registry", f"127.0.0.1:{free_port()}", tmp_path)
    with made.embedded.serve():
        yield made


def asked(
    address: str, method: str, path: str, body: bytes = b"", login: tuple[str, str] | None = None
) -> int:
    """What a stranger on this machine is answered."""
    url = f"http://{address}/v2/image/{path}"
    headers = {"Content-Type": MANIFEST, "Accept": MANIFEST}
    answer = requests.request(method, url, data=body, headers=headers, auth=login, timeout=5)
    return answer.status_code


def strangers_change_nothing(run: Run, address: str, codes: set[int]) -> None:
    digest = run.store.digest(run.place())
    assert digest is not None
    for method, path, body in (
        ("PUT", "manifests/fp-1", b"{}"),
        ("PUT", "manifests/fp-2", b"{}"),
        ("POST", "blobs/uploads/", b""),
        ("POST", f"blobs/uploads/?mount={digest}&from=other", b""),
        ("DELETE", "manifests/fp-1", b""),
        ("DELETE", f"manifests/{digest}", b""),
        ("DELETE", f"blobs/{digest}", b""),
    ):
        assert asked(address, method, path, body) in codes, (method, path)
    assert run.store.tags(run.place().name) == ("fp-1",)


def test_who_has_no_password_reads_and_writes_nothing(run: Run) -> None:
    run.store.put(PLANTED, run.place())
    assert asked(run.address, "GET", "manifests/fp-1") == 200
    strangers_change_nothing(run, run.address, {405})
    strangers_change_nothing(run, run.access().address, {401})
    wrong = ("builder", "a password of another run")
    assert asked(run.access().address, "PUT", "manifests/fp-1", login=wrong) == 401


def test_all_that_the_builder_writes_goes_where_it_may(run: Run, tmp_path: Path) -> None:
    """Images by skopeo, layers of a parent, copies between repositories, and artifacts."""
    layout = tmp_path / "layout"
    digest = write_layout(layout, b"one")
    assert run.store.push(layout, run.place()) == digest
    blob(layout, layers_in(layout)[0].digest).unlink()
    assert run.store.push(layout, run.place("child:a"), run.place()) == digest
    run.store.copy(run.place(), run.place("other:b"))
    run.store.copy(run.place("other:b"), run.place("other:latest"))
    assert run.store.tags(run.place("other").name) == ("b", "latest")
    run.store.export(run.place("other:b"), tmp_path / "out", "name")
    assert run.store.get(run.place("thing:a")) is None
    run.store.put(PLANTED, run.place("thing:a"))
    assert run.store.get(run.place("thing:a")) == PLANTED


def test_the_password_is_in_files_of_one_user_and_nowhere_else(run: Run) -> None:
    run.store.put(PLANTED, run.place())
    access = run.access()
    password = access.credentials.password
    assert len(password) > 40
    assert password not in repr(access)
    holders = {
        file.name: stat.S_IMODE(file.stat().st_mode)
        for file in run.state.rglob("*")
        if file.is_file()
        and {password.encode(), access.credentials.basic.encode()}
        & set(file.read_bytes().replace(b'"', b" ").split())
    }
    assert holders == {"password": 0o600, "login.json": 0o600}
    entry = json.loads(Path(access.credentials.source).read_text())
    assert entry == {"auths": {access.address: {"auth": access.credentials.basic}}}
    assert stat.S_IMODE((run.state / "writer" / "htpasswd").stat().st_mode) == 0o600
    for words in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            assert password.encode() not in words.read_bytes()
        except OSError:
            continue  # it ended


def test_who_only_reads_starts_nothing_that_writes(run: Run) -> None:
    assert run.store.digest(run.place()) is None
    assert not (run.state / "writer").exists()


def test_nothing_is_deleted_but_by_prune(run: Run, tmp_path: Path) -> None:
    run.store.put(PLANTED, run.place())
    digest = run.store.digest(run.place())
    assert digest is not None
    with pytest.raises(StepError) as caught:
        run.store.delete(run.place().at(digest))
    assert caught.value.message == f"{run.address} deletes no manifests"
    assert run.store.digest(run.place()) == digest

    prune = run_on(run.state, run.address, tmp_path)
    with prune.embedded.serve(deletes=True):
        assert prune.access().address != run.access().address
        strangers_change_nothing(run, prune.access().address, {401})
        login = run.access().credentials
        own = (login.user, login.password)
        assert asked(prune.access().address, "DELETE", f"manifests/{digest}", login=own) == 401
        assert prune.store.delete(run.place().at(digest))
        pruner = prune.access().address
    assert run.store.digest(run.place()) is None
    with pytest.raises(requests.ConnectionError):
        asked(pruner, "GET", "manifests/fp-1")


def test_runs_beside_each_other_write_with_one_password(run: Run, tmp_path: Path) -> None:
    other = run_on(run.state, run.address, tmp_path)
    found: list[WriteAccess] = []
    both = threading.Barrier(4)

    def write(which: Run, tag: str) -> None:
        both.wait()
        which.store.put(PLANTED, which.place(f"image:{tag}"))
        found.append(which.access())

    with other.embedded.serve():
        threads = [
            threading.Thread(target=write, args=(which, f"{name}{number}"))
            for number in (1, 2)
            for name, which in (("a", run), ("b", other))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(set(found)) == 1
    run.store.put(PLANTED, run.place("image:later"))
    assert run.store.tags(run.place("image").name) == ("a1", "a2", "b1", "b2", "later")


def test_each_start_has_a_password_of_its_own(run: Run) -> None:
    first = run.access()
    with run.embedded.serve():  # an inner one ends nothing
        assert run.access() == first
    assert run.access() == first
    other = run_on(run.state.with_name("other"), f"127.0.0.1:{free_port()}", run.state.parent)
    for _ in range(2):
        with other.embedded.serve():
            access = other.access()
            assert access.credentials.password != first.credentials.password
            assert asked(access.address, "GET", "manifests/a") == 401
        assert other.embedded.write_access(other.address) is None
        with pytest.raises(requests.ConnectionError):
            asked(access.address, "GET", "manifests/a")
        first = access


def test_what_a_killed_prune_left_is_ended_by_the_next_run(run: Run) -> None:
    """Also by one that writes nothing."""
    script = (
        "import sys, os, pathlib; from builder.registry.embedded import *\n"
        "from builder.common.process import *\n"
        "state, address = pathlib.Path(sys.argv[1]), sys.argv[2]\n"
        "e = EmbeddedRegistry(runner=Runner(), state=state, address=address)\n"
        "with e.serve(deletes=True):\n"
        "    print(e.write_access(address).address, flush=True)\n"
        "    os.kill(os.getpid(), 9)"
    )
    argv = (sys.executable, "-c", script, str(run.state), run.address)
    killed = Runner().run(Command(argv=argv), check=False)
    assert killed.code == -9
    pruner = killed.stdout.strip()
    assert asked(pruner, "GET", "manifests/a") == 401
    other = run_on(run.state, run.address, run.state.parent)
    with other.embedded.serve():
        assert asked(pruner, "GET", "manifests/a") == 401
    with pytest.raises(requests.ConnectionError):
        asked(pruner, "GET", "manifests/a")


def test_another_registry_is_written_where_it_is(run: Run) -> None:
    assert run.embedded.write_access("127.0.0.1:1") is None
    assert run.embedded.write_access("registry.example") is None
