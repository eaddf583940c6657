"""What a recipe adds to its parent, and what is said where it is too much."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from builder.build.size_check import ImageSize, check_layers, instruction, is_over
from builder.catalog.packages import Package
from builder.common.errors import SizeError
from builder.oci.image import ImageLayer
from builder.oci.layer_contents import Entry, Index, Reowned
from builder.plan import image_metadata
from builder.testing import package_list
from tests.fakes.catalog import Week
from tests.fakes.engine import FakeEngine
from tests.fakes.layout import write_layout

BASE = "base/os=1"
MB = 1_000_000


def layer(size: int = 0, instruction: str = "", diff: str = "sha256:1") -> ImageLayer:
    return ImageLayer(digest="sha256:9", size=size, diff=diff, instruction=instruction)


@pytest.mark.parametrize(
    ("budget", "added", "over"),
    [
        (0, 10**12, False),
        (100 * MB, 110 * MB, False),
        (100 * MB, 110 * MB + 1, True),
        (3000 * MB, 3100 * MB, False),
        (3000 * MB, 3100 * MB + 1, True),
    ],
)
def test_a_tenth_or_a_hundred_megabytes_over_is_too_much(
    budget: int, added: int, over: object
) -> None:
    assert is_over(ImageSize(layers=(), own=(layer(added),), shares=()), budget) is over


class Heavy(FakeEngine):
    """Builds images whose content does not compress."""

    def build(self, request):  # type: ignore[no-untyped-def]
        built = super().build(request)
        noise = random.Random(request.id).randbytes(2 * MB)
        return replace(built, digest=write_layout(request.layout, noise))


def rejected(week: Week) -> SizeError:
    week.engine = Heavy()
    week.folder.edit("images/base/recipe.yaml", "summary:", "budget: 1 MB\nsummary:")
    plan = week.plan()
    builds = week.builds(plan)
    builds.base(plan.steps["base:os=1@linux/amd64"])
    with pytest.raises(SizeError) as caught:
        builds.target(plan.steps[f"build:{BASE}"])
    return caught.value


def test_what_is_too_large_names_its_largest_packages(week: Week) -> None:
    week.smoke.installed = {
        "apt": {f"p{n}": Package(version="1", size=n * MB) for n in range(1, 13)}
    }
    error = rejected(week)
    added = error.message.split(" adds ")[1].split(" MB")[0]
    packages = "".join(f"        apt p{n} 1: {n}.0 MB\n" for n in range(12, 2, -1))
    assert str(error) == (
        f"base/os=1: recipe base adds {added} MB to its parent, but its budget is 1 MB\n"
        "    the largest packages, unpacked:\n"
        f"{packages}"
        "  hint: remove packages, or raise `budget` in images/base/recipe.yaml"
    )
    assert error.exit_code == 6
    assert week.smoke.called("test") == []
    assert "shop-base" not in str(week.store.named)


def test_what_is_too_large_names_what_has_grown_since_the_release(week: Week) -> None:
    week.go_by()
    week.smoke.installed = {
        "apt": {
            "tar": Package(version="1.36", size=9 * MB),
            "lamp": Package(version="2", size=7 * MB),
        }
    }
    week.folder.edit("images/base/recipe.yaml", "[tar, grep]", "[tar, grep, lamp]")
    text = str(rejected(week)).splitlines()
    assert text[1:4] == [
        "    grown since 2026.11.23, unpacked:",
        "        apt lamp 2: new, 7.0 MB",
        "        apt tar 1.36: was 1.35, +6.0 MB",
    ]


def test_packages_that_did_not_grow(week: Week) -> None:
    week.go_by()
    week.folder.edit("images/base/recipe.yaml", "[tar, grep]", "[tar, grep, lamp]")
    assert str(rejected(week)).splitlines()[1] == "    no package has grown"


def test_what_the_parent_has_is_not_named(week: Week) -> None:
    week.go_by()
    week.engine = Heavy()
    week.folder.edit("images/speech/recipe.yaml", "summary:", "budget: 1 MB\nsummary:")
    week.folder.edit("images/speech/recipe.yaml", "[lang]", "[lang, lips]")
    week.smoke.installed = {
        **week.smoke.installed,
        "pip": {"lips": Package(version="1", size=5 * MB)},
    }
    plan = week.plan()
    with pytest.raises(SizeError) as caught:
        week.builds(plan).target(plan.steps["build:speech/os=1,lang=1.9"])
    assert "pip lips 1: new, 5.0 MB" in str(caught.value)
    assert "apt tar" not in str(caught.value)


def test_a_layer_that_owns_again_is_named_with_its_files(monkeypatch: pytest.MonkeyPatch) -> None:
    command = "/bin/sh -c chown -R 1000 /opt   # buildkit"
    top = layer(5, command)
    files = tuple(
        Reowned(path=f"opt/{n}", before=Entry(100_000, 0o644, 0, 0),
                after=Entry(100_000, 0o664, 1000, 100))
        for n in range(12)
    )  # fmt: skip
    monkeypatch.setattr(Index, "reowned", lambda *_: {top: files})
    weight = ImageSize(layers=(top,), own=(top,), shares=())
    with pytest.raises(SizeError) as caught:
        check_layers(BASE, weight, Index(folder=None, blob=None))  # type: ignore[arg-type]
    shown = "".join(f"        /opt/{n}: 0:0 0644 → 1000:100 0664\n" for n in range(10))
    assert str(caught.value) == (
        "base/os=1: this layer duplicates files of a parent layer because of chown or chmod\n"
        "    chown -R 1000 /opt # buildkit: 12 of them, 1.2 MB\n"
        f"{shown}"
        "        and 2 more\n"
        "  hint: set owner and mode in the instruction that writes the files"
    )
    assert caught.value.exit_code == 6


def test_a_long_instruction_is_cut() -> None:
    assert len(instruction(layer(0, "RUN " + "x" * 500))) == 120
    assert instruction(layer(0, "")) == "sha256:9"


def test_what_is_installed_is_kept_with_the_image(week: Week) -> None:
    week.go_by()
    place = week.plan().targets[BASE]
    said = image_metadata.read(week.store, place.repository.with_tag(place.fingerprint.tag))
    assert said.packages == week.smoke.installed
    assert package_list.dump(said.packages).endswith(b"}\n")
