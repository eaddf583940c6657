"""The metastore as its chart starts it: names are on the volume."""

MAKE = r"""
from pyspark.sql import SparkSession
spark = (
    SparkSession.builder.master("local[1]").enableHiveSupport()
    .config("spark.hadoop.hive.metastore.uris", "thrift://127.0.0.1:9083").getOrCreate()
)
spark.sql("create table answers using parquet as select 42 as answer")
print(spark.table("answers").first().answer)
"""


def test_spark_makes_a_table_and_reads_it(host):
    done = host.run("mkdir -p /tmp/home && cd /tmp/home && HOME=/tmp/home python -c %s", MAKE)
    assert done.stdout.split() == ["42"], done.stderr[-3000:]


def test_tables_and_their_names_are_on_the_volume(host):
    folder = "/home/onyxia/work"
    for name in ("warehouse/answers", "metastore_db"):
        assert host.check_output(f"findmnt -n -o TARGET -T {folder}/{name}") == folder
        assert host.file(f"{folder}/{name}").is_directory


def test_nothing_writes_outside_of_the_volumes(host):
    assert host.run("touch /opt/hive/x").rc != 0
    assert host.run("touch /tmp/x /home/onyxia/x").rc == 0
