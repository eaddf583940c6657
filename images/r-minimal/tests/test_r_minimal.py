"""What holds for every image that offers R."""

# A repository as CRAN has it, with one package that must be compiled, served on loopback for as
# long as R installs from it.
MIRROR = r"""
set -e
rm -rf /tmp/cran /tmp/answer && mkdir -p /tmp/cran/src/contrib /tmp/answer/R /tmp/answer/src
cd /tmp/answer
printf "Package: answer\nVersion: 1.0\nTitle: A\nDescription: B.\nLicense: GPL-3\n" > DESCRIPTION
printf "Author: C\nMaintainer: C <c@example.org>\n" >> DESCRIPTION
printf "useDynLib(answer)\nexport(answer)\n" > NAMESPACE
printf "answer <- function() .Call(\"c_answer\")\n" > R/answer.R
printf "#include <Rinternals.h>\nSEXP c_answer(void) { return ScalarInteger(42); }\n" > src/answer.c
cd /tmp/cran/src/contrib
R CMD build --no-build-vignettes /tmp/answer > /dev/null
Rscript -e "invisible(tools::write_PACKAGES(type = \"source\"))"
cd /tmp/cran
python3 -m http.server --bind 127.0.0.1 8765 > /tmp/cran/log 2>&1 &
server=$!
trap "kill $server" EXIT
export R_REPOSITORY=http://127.0.0.1:8765 no_proxy=127.0.0.1
for attempt in 1 2 3 4 5 6 7 8 9; do curl -fsS -o /dev/null $R_REPOSITORY/ && break; sleep 0.5; done
Rscript -e "install.packages(\"answer\", quiet = TRUE); cat(answer::answer())"
Rscript -e "remove.packages(\"answer\")" 2> /dev/null
"""


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
    debian = [name for name in facts["packages"].get("apt", []) if name.startswith("r-cran-")]
    given = [name.removeprefix("r-cran-") for name in debian]
    given += [name.lower() for name in facts["packages"].get("r", [])]
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


def test_user_installs_from_a_mirror_what_must_be_compiled(host):
    run = host.run(f"bash -c '{MIRROR}'")
    assert run.rc == 0, run.stdout + run.stderr
    assert run.stdout == "42"


def test_r_knows_a_mirror(host):
    assert r(host, 'cat(startsWith(getOption("repos")[["CRAN"]], "http"))') == "TRUE"


def test_what_the_outside_names_gives_binaries_for_this_debian(host, facts):
    """A region may name the binaries of another system, as the official images have them."""
    mirror = "https://127.0.0.1/cran/__linux__/jammy/latest"
    code = 'cat(getOption("repos")[["CRAN"]], getOption("HTTPUserAgent"), sep = "\\n")'
    found = host.check_output(
        f"env -i HOME=/tmp PATH=$PATH R_REPOSITORY={mirror} Rscript -e '{code}'"
    )
    codename = {"12": "bookworm", "13": "trixie", "14": "forky"}[facts["axes"]["debian"]]
    address, agent = found.splitlines()
    assert address == mirror.replace("jammy", codename)
    assert agent.startswith(f"R/{facts['versions']['r']} R (")
    manager = "PACKAGE_MANAGER_URL=https://127.0.0.1/cran"
    code = 'cat(getOption("repos")[["PackageManager"]])'
    found = host.check_output(f"env -i HOME=/tmp PATH=$PATH {manager} Rscript -e '{code}'")
    assert found.startswith(f"https://127.0.0.1/cran/latest/bin/linux/{codename}-")


def test_binaries_are_the_default(host):
    code = 'cat(names(getOption("repos"))[[1]])'
    assert host.check_output(f"env -i HOME=/tmp PATH=$PATH Rscript -e '{code}'") == "PackageManager"
