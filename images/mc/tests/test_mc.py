"""The program is the mc of its release, and runs."""

MC = "env HOME=/tmp/mc-home /opt/mc/mc"


def test_mc_runs_and_is_the_release_of_the_recipe(host):
    assert "RELEASE.2025-08-13" in host.check_output(f"{MC} --version")


def test_mc_takes_a_store_from_the_environment(host):
    store = "MC_HOST_s3=http://someone:secret@127.0.0.1:9"
    assert "127.0.0.1:9" in host.run(f"env {store} {MC} alias list").stdout
