"""The content of a catalog."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.common.checkout import Checkout
from builder.common.hashing import canonical, digest_of, sha256
from builder.common.source_content import content_in, content_of


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A catalog of two files."""
    (tmp_path / "images/desk").mkdir(parents=True)
    (tmp_path / "matrix.yaml").write_text("axes: {}\n")
    (tmp_path / "images/desk/Dockerfile.j2").write_text("FROM {{ parent }}\n")
    return tmp_path


def content(root: Path) -> str:
    """Its content."""
    return content_in(Checkout(root=root))


def test_it_is_the_hash_of_a_list_of_files(root: Path) -> None:
    listed = [
        ["images/desk/Dockerfile.j2", "0644", sha256(b"FROM {{ parent }}\n")],
        ["matrix.yaml", "0644", sha256(b"axes: {}\n")],
    ]
    assert content(root) == digest_of(canonical(listed))


def test_files_count_in_any_order() -> None:
    files = [("matrix.yaml", 0o644, b"a"), ("charts/a/chart.yaml", 0o755, b"b")]
    assert content_of(files) == content_of(reversed(files))


@pytest.mark.parametrize("path", ["README.md", "matrix.lock", "tests/test_x.py", "imagesets/x"])
def test_what_no_image_and_no_chart_is_made_from_does_not_count(root: Path, path: str) -> None:
    before = content(root)
    file = root / path
    file.parent.mkdir(exist_ok=True)
    file.write_text("anything")
    assert content(root) == before


def test_a_file_and_its_mode_count(root: Path) -> None:
    seen = {content(root)}
    (root / "charts").mkdir()
    (root / "charts/run").write_text("")
    seen.add(content(root))
    (root / "charts/run").chmod(0o755)
    seen.add(content(root))
    (root / "matrix.yaml").write_text("axes: {}")
    assert len(seen | {content(root)}) == 4
