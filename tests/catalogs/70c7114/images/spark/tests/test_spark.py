"""Spark, used from the language of the image, in a local session."""

import re

import pytest

# Python's own workers take part: an RDD of Python objects, and a function in SQL.
JOB = r"""
from pyspark.sql import SparkSession
spark = SparkSession.builder.master("local[2]").getOrCreate()
total = spark.range(101).selectExpr("sum(id) AS total").first().total
spark.udf.register("twice", lambda number: 2 * number, "long")
twice = spark.sql("SELECT twice(21) AS answer").first().answer
words = spark.sparkContext.parallelize(["a", "b", "a"]).countByValue()
print(spark.version, total, twice, words["a"])
spark.stop()
"""

FRAMES = r"""
import pandas
from pyspark.sql import SparkSession
spark = SparkSession.builder.master("local[2]").getOrCreate()
spark.conf.set("spark.sql.execution.arrow.pyspark.enabled", "true")
spark.conf.set("spark.sql.execution.arrow.pyspark.fallback.enabled", "false")
frame = spark.createDataFrame(pandas.DataFrame({"x": [1, 2, 3], "y": ["a", "b", "a"]}))
found = frame.groupBy("y").sum("x").orderBy("y").toPandas()
print([list(row) for row in found.itertuples(index=False)])
spark.stop()
"""

OBJECTS = r"""
from pyspark.sql import SparkSession
spark = SparkSession.builder.master("local[2]").getOrCreate()
spark.range(1000).write.parquet("/tmp/smoke-s3/data/range", mode="overwrite")
print(spark.read.parquet("s3a://data/range").selectExpr("sum(id)").first()[0])
print(spark.read.parquet("s3://data/range").where("id > 990").count())
spark.stop()
"""

IN_R = r"""
library(reticulate)
sql <- import("pyspark.sql")
spark <- sql$SparkSession$builder$master("local[2]")$getOrCreate()
cat(spark$version, "")
cat(spark$range(101L)$selectExpr("sum(id) AS total")$first()["total"], "")
rows <- spark$sql("SELECT id, id * id AS square FROM range(4)")$toJSON()$collect()
frame <- jsonlite::stream_in(textConnection(unlist(rows)), verbose = FALSE)
cat(class(frame), sum(frame$square))
spark$stop()
"""

UI = r"""
import json, urllib.request
from pyspark.sql import SparkSession
spark = SparkSession.builder.master("local[1]").appName("probe").getOrCreate()
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
with opener.open("http://127.0.0.1:4040/api/v1/applications") as answer:
    print([item["name"] for item in json.load(answer)])
spark.stop()
"""


def run(host, program, code):
    """What a program prints on its standard output; it must succeed, and hold no single quote."""
    assert "'" not in code
    done = host.run(f"cd /tmp && {program} '{code}'")
    assert done.rc == 0, done.stderr[-3000:]
    return done.stdout.strip()


def python(host, code):
    """The same of the Python that Spark runs on here."""
    return run(host, "python3 -c", code)


def test_spark_is_the_version_of_the_lock(host, facts):
    version = facts["versions"]["spark"]
    assert version.startswith(f"{facts['axes']['spark']}.")
    assert host.check_output("ls /opt/spark/jars | grep ^spark-core").endswith(f"-{version}.jar")
    assert python(host, "import pyspark; print(pyspark.__version__)") == version
    assert f"version {version}\n" in host.run("bash -lc 'spark-submit --version'").stderr


def test_spark_runs_a_local_job(host, facts):
    assert python(host, JOB) == f"{facts['versions']['spark']} 5050 42 2"


def test_spark_takes_and_gives_data_frames(host, facts):
    if "python" not in facts["axes"]:
        pytest.skip("this image offers no Python")
    assert python(host, FRAMES) == "[['a', 4], ['b', 2]]"


def test_spark_reads_s3_in_a_session(host, s3):
    variables = " ".join(f"{name}={value}" for name, value in s3.items())
    session = f"env {variables} /opt/onyxia-init.sh python3 -c"
    assert run(host, session, OBJECTS).split() == ["499500", "9"]


def test_spark_has_the_s3_client_of_its_hadoop(host):
    jars = host.check_output("ls /opt/spark/jars").split()
    (hadoop,) = (jar.split("client-api-")[1] for jar in jars if "hadoop-client-api-" in jar)
    assert f"hadoop-aws-{hadoop}" in jars


def test_java_reads_its_store_of_certificates(host):
    store = "/etc/ssl/certs/java/cacerts"
    found = host.check_output(f"keytool -list -keystore {store} -storepass changeit")
    assert found.count("trustedCertEntry") > 100
    # One day, that of the lock: nothing tells when the image was built.
    assert len(set(re.findall(r"\w{3} \d{1,2}, \d{4}", found))) == 1


def test_spark_shows_its_jobs(host):
    assert python(host, UI) == "['probe']"


def test_spark_runs_a_local_job_from_r(host, facts):
    if "r" not in facts["axes"]:
        pytest.skip("this image offers no R")
    assert run(host, "Rscript -e", IN_R) == f"{facts['versions']['spark']} 5050 data.frame 14"


def test_packages_of_r_for_spark_load(host, facts):
    if "r" not in facts["axes"]:
        pytest.skip("this image offers no R")
    names = facts["packages"].get("r", [])
    if host.file("/opt/spark/R/lib/SparkR").exists:
        names = [*names, "SparkR"]
    for name in ["reticulate", *names]:
        run(host, "Rscript -e", f"library({name})")


def test_spark_is_there_once(host):
    found = host.check_output("find / -xdev -name 'spark-core_*.jar' 2>/dev/null || true")
    assert len(found.splitlines()) == 1
