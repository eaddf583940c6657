"""The tarball holds the Quarto that the lock names, and it renders."""

QUARTO = "env HOME=/tmp/quarto-home /opt/quarto/bin/quarto"


def test_quarto_is_the_version_of_the_lock(host, facts):
    assert host.check_output(f"{QUARTO} --version") == facts["versions"]["quarto"]


def test_a_page_is_rendered(host):
    host.check_output("mkdir -p /tmp/quarto-home && printf '# Answer\\n\\n42\\n' > /tmp/page.qmd")
    host.check_output(f"{QUARTO} render /tmp/page.qmd --to html")
    assert "42" in host.file("/tmp/page.html").content_string
