"""Instructions of a Dockerfile, and the environment variables that a recipe sets."""

from __future__ import annotations

import pytest

from builder.common.errors import BuilderError
from builder.plan.dockerfile_lines import instructions, quoted, with_environment
from tests.fakes.catalog import Folder, prints

DESK = "images/desk/recipe.yaml"


@pytest.mark.parametrize(
    ("dockerfile", "found"),
    [
        ("FROM a\nuser  1000\n", "FROM a|USER 1000"),
        ("# USER 0\n\n  USER 1000:100", "USER 1000:100"),
        ("RUN a \\\n# USER 0\n\n  USER 0 \\\n && b\nUSER 1000", "RUN a USER 0 && b|USER 1000"),
        ("RUN cat <<EOF\nUSER 0\nEOF\nCMD x", "RUN cat <<EOF|CMD x"),
        ("RUN <<-'A' cat\n\tUSER 0\n\tA\nCMD x", "RUN <<-'A' cat|CMD x"),
        ("RUN cat <<< EOF\nUSER 0", "RUN cat <<< EOF|USER 0"),
        ("RUN echo $((1 << 3))\nUSER 0", "RUN echo $((1 << 3))|USER 0"),
        ("LABEL a=<<EOF\nUSER 0", "LABEL a=<<EOF|USER 0"),
        ("RUN a \\", "RUN a \\"),
        ("RUN cat <<EOF\nUSER 0", "RUN cat <<EOF"),
        ("FROM\ue0001\ue001 a", "FROM a"),
    ],
)
def test_instructions(dockerfile: str, found: str) -> None:
    items = instructions(dockerfile.split("\n"))
    assert "|".join(f"{item.name} {item.text}" for item in items) == found


@pytest.mark.parametrize(
    ("dockerfile", "expected"),
    [
        ("FROM a\nUSER 1000\nENTRYPOINT x", "FROM a\nENV\nUSER 1000\nENTRYPOINT x"),
        ("FROM a\nUSER 1000\nUSER 0\nUSER 1000", "FROM a\nUSER 1000\nUSER 0\nENV\nUSER 1000"),
        ("FROM a AS b\nUSER 1000\nFROM c\nRUN d", "FROM a AS b\nUSER 1000\nFROM c\nRUN d\nENV"),
        ("FROM a\nRUN cat <<E\nUSER 1000\nE", "FROM a\nRUN cat <<E\nUSER 1000\nE\nENV"),
        ("FROM a\nUSER 10000", "FROM a\nUSER 10000\nENV"),
    ],
)
def test_variables_are_set_before_the_last_stage_ends_as_user_1000(
    dockerfile: str, expected: str
) -> None:
    changed = with_environment(dockerfile.split("\n"), {"A": "b"})
    assert "\n".join(changed) == expected.replace("ENV", 'ENV A="b"')


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", '""'),
        ("a b", '"a b"'),
        ('"; USER 0 #', r'"\"; USER 0 #"'),
        ("$HOME ${HOME:-x} $$", r'"\$HOME \${HOME:-x} \$\$"'),
        ("`id` $(id) 'a'", "\"`id` \\$(id) 'a'\""),
        ("ends in \\", r'"ends in \\"'),
        (r"\$A \"", r'"\\\$A \\\""'),
        ("<<EOF ü", '"<<EOF ü"'),
    ],
)
def test_a_text_is_one_word_in_which_nothing_is_replaced(text: str, word: str) -> None:
    assert quoted(text) == word


def test_a_recipe_sets_variables(folder: Folder) -> None:
    before = prints(folder.load())
    text = (folder.root / DESK).read_text(encoding="utf-8")
    folder.write(DESK, text + 'env: {ZONE: "a $b", A_1: "7"}\n')
    after = prints(folder.load())
    key = "desk/os=2,lang=1.10"
    assert after[key].document["dockerfile"] == before[key].document["dockerfile"].replace(
        "EXPOSE", 'ENV A_1="7" \\\n    ZONE="a \\$b"\nEXPOSE'
    )
    assert {name for name, found in after.items() if before[name].digest != found.digest} == {
        name for name in before if name.startswith("desk/")
    }
    folder.write(DESK, text + "env: {}\n")
    assert prints(folder.load())[key].digest == before[key].digest


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (
            "env: {A-B: x}",
            f"{DESK}:8:7: 'A-B' is not a name: it must match ^[A-Za-z_][A-Za-z0-9_]*$\n"
            "    env: {A-B: x}\n          ^",
        ),
        (
            "env: {'A=\"\" B': x}",
            f"{DESK}:8:7: 'A=\"\" B' is not a name: it must match ^[A-Za-z_][A-Za-z0-9_]*$\n"
            "    env: {'A=\"\" B': x}\n          ^",
        ),
        (
            'env: {A: "x\\nUSER 0"}',
            f"{DESK}:8:10: '\\n' cannot be in an environment variable of an image: its text is one"
            ' line\n    env: {A: "x\\nUSER 0"}\n             ^',
        ),
        (
            'env: {A: "x\\u2028USER 0"}',
            f"{DESK}:8:10: '\\u2028' cannot be in an environment variable of an image: its text is"
            ' one line\n    env: {A: "x\\u2028USER 0"}\n             ^',
        ),
        (
            "env: {A: 3.10}",
            f"{DESK}:8:10: 3.10 is a number here, and must be a string\n"
            '    env: {A: 3.10}\n             ^\n  hint: quote it: "3.10"',
        ),
    ],
)
def test_what_is_no_variable(folder: Folder, line: str, error: str) -> None:
    folder.write(DESK, (folder.root / DESK).read_text(encoding="utf-8") + f"{line}\n")
    with pytest.raises(BuilderError) as caught:
        folder.load()
    assert str(caught.value) == error
