"""What holds for every image that offers R."""


def r(host, code):
    """What an R program prints; it must succeed. The program holds no single quote."""
    assert "'" not in code
    return host.check_output(f"Rscript -e '{code}'")


def test_r_is_the_version_of_the_lock(host, facts):
    version = facts["versions"]["r"]
    assert r(host, "cat(format(getRversion()))") == version
    assert version.startswith(f"{facts['axes']['r']}.")


def test_r_computes(host):
    assert r(host, "cat(sum(0:100), l10n_info()[[2]])") == "5050 TRUE"
    assert r(host, "cat(round(coef(lm(dist ~ speed, cars))[[2]], 4))") == "3.9324"


def test_r_draws(host):
    r(host, 'png("/tmp/plot.png"); plot(cars); invisible(dev.off())')
    assert host.file("/tmp/plot.png").size > 1000


def test_packages_of_r_load(host, facts):
    names = [name.removeprefix("r-cran-") for name in facts["packages"].get("apt", [])]
    given = [name for name in names if f"r-cran-{name}" in facts["packages"]["apt"]]
    wanted = ", ".join(f'"{name}"' for name in ["matrix", "survival", *given])
    code = (
        f"wanted <- c({wanted}); here <- rownames(installed.packages()); "
        "found <- here[match(wanted, tolower(here))]; "
        "cat(wanted[is.na(found)]); for (name in na.omit(found)) loadNamespace(name)"
    )
    assert not r(host, code)


def test_user_installs_packages(host):
    host.check_output(
        "rm -rf /tmp/probe && mkdir -p /tmp/probe/R && cd /tmp/probe && "
        "printf 'Package: probe\\nVersion: 1.0\\nTitle: A\\nDescription: B.\\nLicense: GPL-3\\n"
        "Author: C\\nMaintainer: C <c@example.org>\\n' > DESCRIPTION && "
        "printf 'export(answer)\\n' > NAMESPACE && printf 'answer <- function() 42\\n' > R/answer.R"
    )
    code = 'install.packages("/tmp/probe", repos = NULL, type = "source", quiet = TRUE)'
    r(host, code)
    assert r(host, "cat(probe::answer())") == "42"
    r(host, 'remove.packages("probe")')


def test_r_knows_a_mirror(host):
    assert r(host, 'cat(startsWith(getOption("repos")[["CRAN"]], "http"))') == "TRUE"
