"""The packages of data science at work: models, tables that go from one to the other, S3."""

TABLES = r"""
import duckdb, numpy, pandas, polars, pyarrow
frame = pandas.DataFrame({"x": numpy.arange(101)})
arrow = pyarrow.Table.from_pandas(frame)
total = duckdb.sql("SELECT sum(x) FROM arrow").fetchone()[0]
print(total, polars.from_arrow(arrow)["x"].sum(), polars.from_pandas(frame)["x"].mean())
"""

MODEL = r"""
import numpy, statsmodels.api as models
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
x, y = load_iris(return_X_y=True)
print(RandomForestClassifier(random_state=0).fit(x, y).score(x, y) > 0.95)
line = models.OLS(2.0 * numpy.arange(9) + 1, models.add_constant(numpy.arange(9))).fit()
print(numpy.round(line.params, 6).tolist())
"""

FIGURES = r"""
import matplotlib.pyplot as plot, plotly.express, seaborn
seaborn.lineplot(x=[0, 1, 2], y=[1, 3, 2])
plot.savefig("/tmp/figure.png")
print(len(plotly.express.line(x=[0, 1], y=[1, 3]).to_json()) > 100)
"""

MAPS = r"""
import geopandas
from shapely.geometry import Point
points = geopandas.GeoSeries([Point(2.35, 48.86), Point(5.37, 43.30)], crs="EPSG:4326")
metres = points.to_crs("EPSG:2154")
print(round(metres.iloc[0].distance(metres.iloc[1]) / 1000))
points.to_file("/tmp/points.gpkg")
print(len(geopandas.read_file("/tmp/points.gpkg")))
"""

OBJECTS = r"""
import boto3, pandas, pyarrow, s3fs
pandas.DataFrame({"x": range(101), "y": ["a"] * 101}).to_parquet("/tmp/frame.parquet")
client = boto3.client("s3", config=boto3.session.Config(s3={"addressing_style": "path"}))
client.put_object(Bucket="data", Key="a/b.parquet", Body=open("/tmp/frame.parquet", "rb").read())
files = s3fs.S3FileSystem()
print(files.ls("data/a"))
# Not from a file of Python: a thread of Arrow that still reads it would abort a program that ends.
content = pyarrow.BufferReader(files.cat("data/a/b.parquet"))
print(pandas.read_parquet(content)["x"].sum())
"""

DUCKDB = r"""
import duckdb
print(duckdb.sql("SELECT sum(x), count(*) FROM read_parquet($$s3://data/a/b.parquet$$)").fetchone())
print(duckdb.sql("SELECT count(*) FROM read_parquet($$s3://data/a/*.parquet$$)").fetchone()[0])
"""


def python(host, code, start="", **environment):
    """What a program prints; it must succeed. The program holds no single quote."""
    assert "'" not in code
    variables = "".join(f"{name}={value} " for name, value in environment.items())
    done = host.run(f"cd /tmp && env {variables}{start} python -c '{code}'")
    assert done.rc == 0, done.stderr[-3000:]
    return done.stdout.strip()


def test_tables_go_from_one_to_the_other(host):
    assert python(host, TABLES) == "5050 5050 50.0"


def test_models_are_fitted(host):
    assert python(host, MODEL).split("\n") == ["True", "[1.0, 2.0]"]


def test_figures_are_drawn(host):
    assert python(host, FIGURES) == "True"
    assert host.file("/tmp/figure.png").size > 1000


def test_maps_are_projected(host):
    assert python(host, MAPS).split("\n") == ["660", "2"]


def test_s3_is_written_and_read(host, s3):
    assert python(host, OBJECTS, **s3).split("\n") == ["['data/a/b.parquet']", "5050"]


def test_duckdb_reads_parquet_from_s3(host, s3):
    # As a session does: its start gives DuckDB the secret, and the image's extension.
    python(host, OBJECTS, **s3)
    found = python(host, DUCKDB, start="/opt/onyxia-init.sh", **s3)
    assert found.split("\n") == ["(5050, 101)", "101"]


def test_a_compiler_builds_what_has_no_wheel(host):
    host.check_output(
        "rm -rf /tmp/probe && mkdir /tmp/probe && cd /tmp/probe && "
        "printf '#include <Python.h>\\nint answer(void) { return 42; }\\n' > probe.c && "
        "cc -shared -fPIC $(python3 -c 'import sysconfig as s; "
        'print("-I" + s.get_path("include"))\') -o probe.so probe.c'
    )
    code = 'import ctypes; print(ctypes.CDLL("/tmp/probe/probe.so").answer())'
    assert python(host, code) == "42"
