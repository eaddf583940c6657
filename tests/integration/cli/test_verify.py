"""Images that are built again, in an engine that has nothing."""

from __future__ import annotations

import json

from tests.integration.cli.conftest import Tiny

NOISY = """\
FROM {{ parent }}
COPY files/ /other/
RUN head -c 9 /dev/urandom > /other/noise
RUN date +%s > /other/clock; hostname > /other/host; touch /other/still
"""


def test_an_image_comes_out_the_same(tiny: Tiny) -> None:
    tiny.dockerfile("tool", "FROM {{ parent }}\nCOPY files/ /tool/\nRUN echo 1 > /1\nRUN rm /1\n")
    assert tiny.run("build", "--select", "app").returncode == 0
    done = tiny.run("verify", "app", "tool", "--format", "json")
    assert done.returncode == 0, done.stderr
    verdicts = {item["target"].partition("/")[0]: item for item in json.loads(done.stdout)}
    assert {name: item["status"] for name, item in verdicts.items()} == {
        "app": "identical", "tool": "identical",
    }  # fmt: skip
    place = tiny.place("app")
    (tag,) = (it for it in tiny.session().adapters.store.tags(place.name) if len(it) == 35)
    assert tiny.session().adapters.store.digest(place.with_tag(tag)) == verdicts["app"]["built"]
    left = {path.name for path in (tiny.root / "build" / "verify").glob("*/*")}
    assert left == {"logs"}


def test_a_file_that_is_never_the_same_is_named(tiny: Tiny) -> None:
    tiny.dockerfile("other", NOISY)
    assert tiny.run("build", "--select", "other").returncode == 0
    done = tiny.run("verify", "other")
    assert done.returncode == 8, done.stderr
    assert "✗ verify:other/os=1: failed" in done.stderr
    head, row, *lines = done.stdout.splitlines()
    assert head.split() == ["TARGET", "RESULT", "REGISTRY", "BUILT", "AGAIN"]
    assert row.split()[:2] == ["other/os=1", "different"]
    # A container of a build has a name of its own, and the clock goes on.
    assert lines == [
        "  /other/noise: content",
        "  /other/clock: content",
        "  /other/host: content",
        "",
        "1 target built again: 1 different",
    ]

    # A reason is enough; it says nothing of what is installed, so nothing is to be built.
    recipe = tiny.root / "images" / "other" / "recipe.yaml"
    recipe.write_text(recipe.read_text() + 'unreproducible: {"/other/*": it is a test}\n')
    done = tiny.run("verify", "other")
    assert done.returncode == 0, done.stderr
    assert "  /other/noise: content (it is a test)\n" in done.stdout
    assert done.stdout.endswith("1 target built again: 1 explained\n")
