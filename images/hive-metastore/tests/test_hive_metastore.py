"""The metastore of Hive: what a client makes by Thrift, Spark reads."""

import pytest

FIRST, SECOND = "thrift://127.0.0.1:9083", "thrift://127.0.0.1:9183"
START = "/opt/onyxia-init.sh /opt/hive/start 9183"
LISTENS = "bash -c ': > /dev/tcp/127.0.0.1/{}'"

# A client of Java's, without Spark: it makes the databases that are named, and lists all.
THRIFT = r"""
import sys
from pyspark.java_gateway import launch_gateway
java = launch_gateway().jvm
api = java.org.apache.hadoop.hive.metastore
conf = java.org.apache.hadoop.hive.conf.HiveConf()
conf.set("hive.metastore.uris", sys.argv[1])
client = api.HiveMetaStoreClient(conf)
for name in sys.argv[2:]:
    client.createDatabase(api.api.Database(name, "of a test", None, {}))
print(*client.getAllDatabases())
"""

SPARK = r"""
import sys
from pyspark.sql import SparkSession
spark = (
    SparkSession.builder.master("local[1]").enableHiveSupport()
    .config("spark.hadoop.hive.metastore.uris", sys.argv[1]).getOrCreate()
)
for text in sys.argv[2:]:
    print(*[" ".join(map(str, row)) for row in spark.sql(text).collect()])
spark.stop()
"""


@pytest.fixture(scope="module", autouse=True)
def metastore(host, wait_for):
    """The metastore that the container runs."""
    wait_for("it listens", lambda: host.run(LISTENS.format(9083)).succeeded, seconds=180)


@pytest.fixture
def other(second_server):
    """A metastore by a uid that a cluster chose; it is not started yet."""
    return second_server(START, port=9183, ready=LISTENS.format(9183))


def said(host, program, *words):
    """What a program says in its lines, without what Java warns of."""
    done = host.run("cd /tmp && python -c " + " ".join(["%s"] * (len(words) + 1)), program, *words)
    assert done.rc == 0, done.stderr[-3000:]
    return done.stdout.split("\n")[:-1]


def test_a_database_that_is_made_by_thrift_is_read_by_spark(host):
    assert said(host, THRIFT, FIRST, "asked") == ["asked default"]
    said(host, SPARK, FIRST, "create table asked.answers using parquet as select 42 as answer")
    asked = ["show tables in asked", "select * from asked.answers", "describe database asked"]
    tables, rows, about = said(host, SPARK, FIRST, *asked)
    assert (tables, rows) == ("asked answers False", "42")
    assert "file:/home/onyxia/work/warehouse/asked.db" in about


def test_any_uid_keeps_names_and_two_stand_side_by_side(host, other):
    other.start()
    assert said(host, THRIFT, SECOND, "kept") == ["default kept"]
    other.stop()
    other.start()
    assert said(host, THRIFT, SECOND) == ["default kept"]
    assert other.host.check_output(f"stat -c %u {other.folder}/work/metastore_db") == "12345"
    assert "kept" not in said(host, THRIFT, FIRST)[0].split()


def test_a_database_that_is_given_is_never_replaced_by_the_own_one(other):
    given = {"PGHOST": "127.0.0.1", "PGPORT": "1", "PGUSER": "ann", "PGPASSWORD": "any"}
    found = other.run(f"timeout 120 {START}", **given)
    assert found.rc == 1, found.stderr[-3000:]
    assert "Connection to 127.0.0.1:1 refused" in found.stderr
    assert not other.host.file(f"{other.folder}/work/metastore_db").exists


def test_it_says_why_it_does_not_start(other):
    assert "start: PGPASSWORD is unset" in other.refuse(PGHOST="127.0.0.1")
    odd = "it's ${env.HOME}"
    assert "PGPASSWORD has ${ in it" in other.refuse(PGHOST="127.0.0.1", PGPASSWORD=odd)


@pytest.mark.parametrize(("name", "odd"), [("PGHOST", "a\nb"), ("PGPORT", "1/x?socketFactory=y")])
def test_more_than_an_address_is_no_option_of_the_driver(other, name, odd):
    given = {"PGHOST": "127.0.0.1", "PGPASSWORD": "any", name: odd}
    assert "start: PGHOST or PGPORT is no address or port" in other.refuse(**given)


def test_java_has_six_tenths_of_the_memory(host):
    """The limit is that of the container, or of the machine where it has none."""
    limit = int(host.check_output(". /opt/onyxia/service.sh; memory_limit"))
    words = host.check_output("cat /proc/[0-9]*/cmdline | tr '\\0' '\\n'")
    assert f"-Xmx{limit * 6 // 10}m" in words.split()


def test_the_driver_of_postgresql_is_the_one_of_the_lock(host, facts):
    (package,) = facts["packages"]["maven"]
    version = package.split(":")[2].removesuffix("@jar")
    assert host.check_output("ls /opt/hive/jars") == f"postgresql-{version}.jar"
