"""A chart repository of somebody else, whose index may say anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.charts.repository.http import ServedRepository
from builder.charts.repository.index import IndexEntry
from builder.common.errors import StepError
from tests.fakes.lines import Upstream


@pytest.mark.parametrize("is_absolute", [True, False])
def test_a_digest_that_is_a_path_reads_no_file_of_this_machine(
    there: Upstream, tmp_path: Path, *, is_absolute: bool
) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    there.folder.mkdir(exist_ok=True)
    there.serve("desk-1.0.0.tgz", b"a package")
    digest = str(secret) if is_absolute else "../secret"
    assert (there.folder / digest).is_file()
    entry = IndexEntry(
        metadata={"name": "desk", "version": "1.0.0"},
        digest=digest,
        url="desk-1.0.0.tgz",
        created="",
    )
    url = f"http://{there.server.address}"
    with pytest.raises(StepError) as caught:
        ServedRepository(url=url, fetcher=there.fetcher()).package(entry)
    assert caught.value.message.startswith(
        f"desk-1.0.0.tgz: {url}/desk-1.0.0.tgz does not have the expected sha256\n"
        f"    expected {digest}\n"
    )
