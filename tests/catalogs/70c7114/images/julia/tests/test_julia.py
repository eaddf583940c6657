"""The tarball holds the Julia that the lock names, and it runs."""


def test_julia_runs(host, facts):
    code = 'print(VERSION, " ", Sys.BINDIR)'
    found = host.check_output(f"/opt/julia/bin/julia --startup-file=no -e '{code}'")
    assert found == f"{facts['versions']['julia']} /opt/julia/bin"


def test_nobody_but_root_may_change_it(host):
    assert not host.check_output("find /opt/julia ! -user root -o ! -type l -perm /022")
