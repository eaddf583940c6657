"""What other images copy."""

import re


def jars(host):
    return host.check_output("ls /opt/spark/jars").split()


def test_spark_is_the_version_of_the_lock(host, facts):
    (core,) = (jar for jar in jars(host) if jar.startswith("spark-core_"))
    assert core.endswith(f"-{facts['versions']['spark']}.jar")
    assert facts["versions"]["spark"].startswith(f"{facts['axes']['spark']}.")


def test_every_package_of_maven_is_there_once(host, facts):
    found = jars(host)
    for package in facts["packages"]["maven"]:
        name = package.split(":")[1]
        assert len([jar for jar in found if re.fullmatch(rf"{name}-\d[\w.]*\.jar", jar)]) == 1, name
    assert not [jar for jar in found if "bundle-" in jar]


def test_the_s3_client_is_of_its_hadoop(host):
    (hadoop,) = (jar.split("-api-")[1] for jar in jars(host) if "hadoop-client-api-" in jar)
    assert f"hadoop-aws-{hadoop}" in jars(host)


def test_it_starts(host):
    for name in ("spark-submit", "spark-class", "find-spark-home"):
        assert host.file(f"/opt/spark/bin/{name}").mode & 0o111
    found = host.run("SPARK_HOME=/opt/spark /opt/spark/bin/spark-submit --version")
    assert "version" in found.stderr


def test_python_has_its_part(host):
    for name in ("pyspark/sql/session.py", "lib/pyspark.zip"):
        assert host.file(f"/opt/spark/python/{name}").is_file, name
    assert host.check_output("ls /opt/spark/python/lib | grep -c ^py4j-.*-src.zip") == "1"
