"""Whether a Docker daemon answers, on machines whose settings of Docker are damaged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from builder.common.errors import ToolError
from builder.engines.docker import answers, client_of


@pytest.mark.parametrize("auth", ["!!!", "bm9jb2xvbg==", "4pyT4pyT8J8="])
def test_a_damaged_login_of_docker_is_no_fault_of_the_builder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, auth: str
) -> None:
    config = {"auths": {"example.org": {"auth": auth}}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    assert not answers()
    with pytest.raises(ToolError) as caught, client_of(""):
        pass
    assert caught.value.message.startswith("Docker's config.json cannot be read: ")
    assert "mend it, or remove it and log in again" in caught.value.hint
