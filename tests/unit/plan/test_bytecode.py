"""The macros that make bytecode the same in each build, by the Python that runs the tests."""

from __future__ import annotations

import marshal
import os
import subprocess
import sys
from importlib.util import MAGIC_NUMBER, cache_from_source
from pathlib import Path

import pytest

from tests.fakes.bytecode import make_normal, script

SOURCE = '''
"""A module whose bytecode tells what else the process has."""

def once(value, limit=123456789):
    return value in {"seldom_seen", "a text", 2.5} or ("seldom_too", limit)

def twice(value):
    class Inner:
        pass
    return [value in {"seldom_one", "seldom_two"}, lambda: value in {"seldom_one", "seldom_two"}]
'''

# Compilers: what they write for one source depends on the process that they are.
KNOWN = "known = [sys.intern('seldom_' + name) for name in ('seen', 'too', 'one', 'two')]; "
KNOWN += "known.append(sys.intern('twice.<locals>.Inner'))"
HELD = """
held = [code]
for value in held:
    held += gc.get_referents(value) if not hasattr(value, 'co_consts') else [
        value.co_code, value.co_consts, value.co_names, value.co_linetable]
"""
COMPILER = """
import gc, marshal, sys
from importlib.util import MAGIC_NUMBER, source_hash
source, target = sys.argv[1:]
data = open(source, 'rb').read()
{before}
code = compile(data, source, 'exec', dont_inherit=True)
{after}
head = MAGIC_NUMBER + (3).to_bytes(4, 'little') + source_hash(data)
open(target, 'wb').write(head + marshal.dumps(code))
"""
COMPILERS = {
    "fresh": COMPILER.format(before="", after=""),
    "strings are known": COMPILER.format(before=KNOWN, after=""),
    "all is held": COMPILER.format(before="", after=HELD),
}


@pytest.fixture
def module(tmp_path: Path) -> Path:
    path = tmp_path / "module.py"
    path.write_text(SOURCE)
    (tmp_path / "__pycache__").mkdir()
    return path


def test_bytecode_does_not_depend_on_the_process_that_compiled(module: Path) -> None:
    target = Path(cache_from_source(str(module)))
    plain, normal = set(), set()
    for name, compiler in COMPILERS.items():
        program = module.with_name("compiler.py")
        program.write_text(compiler)
        command = f"{sys.executable} {program} {module} {target}"
        subprocess.run(command.split(), check=True, timeout=60)
        plain.add(target.read_bytes())
        make_normal(module.parent, compiler=f"{command}")
        normal.add(target.read_bytes())
        code = marshal.loads(target.read_bytes()[16:])
        assert code == compile(SOURCE, str(module), "exec", dont_inherit=True), name
    assert len(plain) == len(COMPILERS)  # each has another idea of the same code
    assert len(normal) == 1
    head = plain.pop()[:16]
    assert normal.pop()[:16] == head


def test_normal_bytecode_stays_as_it_is(module: Path) -> None:
    target = Path(cache_from_source(str(module)))
    compiler = f"{sys.executable} -m compileall -q -f {module}"
    make_normal(module.parent, compiler=compiler)
    found = target.read_bytes()
    make_normal(module.parent, compiler=f"touch {target}")
    assert target.read_bytes() == found


def test_a_folder_is_compiled(module: Path) -> None:
    command = script(
        f"{{{{ compile_python('{sys.executable}', '{module.parent}') }}}}", module.parent
    )
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1"}
    subprocess.run(["sh", "-c", command], check=True, timeout=60, env=environment)
    found = Path(cache_from_source(str(module))).read_bytes()
    assert found[4] == 3  # checked by a hash of the source, not by its time
    make_normal(module.parent, compiler=f"touch {module.parent}/__pycache__/*")
    assert Path(cache_from_source(str(module))).read_bytes() == found


def test_what_somebody_delivered_stays(module: Path) -> None:
    """Bytecode of another Python, of another folder, without its source, and what is none."""
    code = marshal.dumps(compile(SOURCE, "elsewhere.py", "exec"))
    head = MAGIC_NUMBER + bytes(12)
    tag = sys.implementation.cache_tag
    delivered = {
        "__pycache__/other.cpython-27.pyc": b"\x03\xf3\r\n" + bytes(4) + code,
        f"__pycache__/absent.{tag}.pyc": head + code,
        f"__pycache__/broken.{tag}.pyc": head + code[:-9],
        f"__pycache__/empty.{tag}.pyc": b"",
        "plain.pyc": head + marshal.dumps(compile("a = {'seldom': ('a text', 2.5)}", "x", "exec")),
    }
    for name, data in delivered.items():
        (module.parent / name).write_bytes(data)
    touch = "touch " + " ".join(str(module.parent / name) for name in delivered)
    for compiler in (":", touch):
        make_normal(module.parent, compiler=compiler)
        for name, data in delivered.items():
            assert (module.parent / name).read_bytes() == data, name


def test_bytecode_of_a_layer_below_is_not_read(module: Path) -> None:
    """A change would be one more copy of it in the image."""
    target = Path(cache_from_source(str(module)))
    target.write_bytes(
        MAGIC_NUMBER + bytes(12) + marshal.dumps(compile("a = 'a text'", "x", "exec"))
    )
    found = target.read_bytes()
    make_normal(module.parent, compiler=":")
    assert target.read_bytes() == found
    make_normal(module.parent, compiler=f"touch {target}")
    assert target.read_bytes() != found


def test_an_image_without_python_has_no_bytecode(module: Path) -> None:
    make_normal(module.parent, compiler=":", python="/absent/python3")


def test_a_failure_of_the_program_ends_the_build(module: Path) -> None:
    python = module.with_name("python")
    python.write_text("#!/bin/sh\nexit 3\n")
    python.chmod(0o755)
    target = cache_from_source(str(module))
    with pytest.raises(subprocess.CalledProcessError):
        make_normal(module.parent, compiler=f"touch {target}", python=str(python))
