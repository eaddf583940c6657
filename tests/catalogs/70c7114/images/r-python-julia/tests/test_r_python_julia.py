"""Three languages in one image; R and Python call each other."""


def test_python_computes_and_is_the_one_of_the_lock(host, facts):
    code = "import sys, numpy; print(sys.version.split()[0], numpy.arange(101).sum())"
    assert host.check_output(f"python -c '{code}'") == f"{facts['versions']['python']} 5050"


def test_julia_computes_and_is_the_one_of_the_lock(host, facts):
    found = host.check_output("julia --startup-file=no -e 'print(VERSION, \" \", sum(0:100))'")
    assert found == f"{facts['versions']['julia']} 5050"


def test_r_calls_python(host):
    code = 'cat(reticulate::py_eval("sum(range(101))"), reticulate::py_config()$python)'
    assert host.check_output(f"Rscript -e '{code}'") == "5050 /opt/python/bin/python"


def test_python_calls_r(host):
    code = 'import rpy2.robjects as r; print(int(r.r("sum(0:100)")[0]))'
    assert host.check_output(f"python -c '{code}' 2>/dev/null") == "5050"


def test_python_s_packages_fit_together(host):
    assert host.check_output("pip check") == "No broken requirements found."
