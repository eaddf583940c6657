"""Broken variants of images: each is rejected by the test that its first line names."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from builder.app.app import App
from builder.build.requests import Requests
from builder.build.run_context import RunContext
from builder.common.errors import SmokeError
from builder.engines.interfaces import BuildRequest
from builder.plan.models import TargetPlan
from builder.testing.images import Smoke
from tests.integration.starter import ROOT, scratch


def check_rejected(app: App, work: RunContext, item: TargetPlan, folder: Path) -> None:
    """Build the broken variant of a target's recipe on the target, and see its test reject it."""
    recipe = item.target.recipe
    text = (ROOT / "images" / recipe / "tests" / "broken.Dockerfile").read_text()
    match = re.match(r"# rejected by: (\w+)", text)
    assert match, text
    assert item.digest, f"{item.target.id} is not built"
    place = scratch("test-broken-")
    try:
        context = place / "context"
        context.mkdir()
        (context / "Dockerfile").write_text(text)
        built = app.adapters.engine.build(
            BuildRequest(
                id=f"broken-{recipe}",
                context=context,
                contexts={"parent": item.repository.at(item.digest)},
                platform=item.target.platform,
                epoch=0,
                layout=place / "layout",
                log=place / "log",
            )
        )
        asked = Requests(work).smoke(item, built.local, folder / "log")
        request = replace(asked, junit=folder / "junit.xml")
        with pytest.raises(SmokeError) as caught:
            Smoke(app.adapters.engine, app.adapters.runner, app.catalog.ecosystems).test(request)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    failed = re.findall(r"^    (\w+)", caught.value.message, re.MULTILINE)
    assert match[1] in failed, caught.value.message
