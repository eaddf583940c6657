"""What holds for every image that offers Julia."""

JULIA = "julia --startup-file=no"


def julia(host, code):
    """What a Julia program prints; it must succeed. The program holds no single quote."""
    assert "'" not in code
    return host.check_output(f"{JULIA} -e '{code}'")


def compiled(host):
    """What Julia compiled for this user, rather than found compiled."""
    return host.check_output("find ~/.julia/compiled -type f 2>/dev/null || true")


def test_julia_is_the_version_of_the_lock(host, facts):
    version = facts["versions"]["julia"]
    assert julia(host, "print(VERSION)") == version
    assert version.startswith(f"{facts['axes']['julia']}.")


def test_julia_is_the_one_of_every_shell(host):
    for shell in ("sh -c", "bash -c", "bash -lc"):
        assert host.check_output(f"{shell} 'command -v julia'") == "/usr/local/bin/julia", shell


def test_julia_computes(host):
    code = "using LinearAlgebra, Statistics; print(sum(0:100), det([1.0 2; 3 4]), mean([1, 3]))"
    assert julia(host, code) == "5050-2.02.0"


def test_the_first_depot_is_the_user_s(host):
    code = "print(first(DEPOT_PATH), DEPOT_PATH[2])"
    assert julia(host, code) == "/home/onyxia/.julia/opt/julia-depot"
    # Also where the home directory is another one.
    assert host.check_output(f"env HOME=/tmp/other {JULIA} -e 'print(DEPOT_PATH[1])'") == (
        "/tmp/other/.julia"
    )


def test_packages_load_without_being_compiled(host, facts):
    names = facts["packages"].get("julia", [])
    code = "; ".join(["import LinearAlgebra", *(f"import {name}" for name in names)])
    julia(host, code)
    assert not compiled(host)
    # A session may have any uid: what is there must not belong to one alone.
    assert not host.check_output("find /opt/julia-depot ! -type l ! -perm -o=r")


def test_user_compiles_a_package(host):
    host.check_output(
        "rm -rf /tmp/Probe && mkdir -p /tmp/Probe/src && cd /tmp/Probe && "
        'printf \'name = "Probe"\\nuuid = "6b2c1e0a-6f0c-4a52-9a3c-0d3c1f5f4a11"\\n\' '
        "> Project.toml && printf 'module Probe\\nanswer() = 42\\nend\\n' > src/Probe.jl"
    )
    code = "using Probe; print(Probe.answer())"
    assert host.check_output(f"{JULIA} --project=/tmp/Probe -e '{code}'") == "42"
    assert "Probe" in compiled(host)
    host.check_output("rm -rf ~/.julia/compiled")
