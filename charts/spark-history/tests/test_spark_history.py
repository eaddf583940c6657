"""The history server as its chart starts it: it shows what an application wrote down."""

import json


def test_it_shows_an_application_that_wrote_its_event_log(host, facts, client, wait_for):
    options = "--conf spark.eventLog.enabled=true --conf spark.ui.enabled=false --master local[1]"
    options += " --conf spark.eventLog.dir=$EVENT_LOGS --name counted"
    host.check_output(
        "echo 'from pyspark.sql import SparkSession as S; "
        "print(S.builder.getOrCreate().range(42).count())' > /tmp/counted.py && "
        f"/opt/onyxia-init.sh spark-submit {options} /tmp/counted.py"
    )
    applications = f"{facts['url']}/api/v1/applications"

    def shown():
        found = json.loads(client(applications).get("").text)
        return [it["name"] for it in found if it["attempts"][0]["completed"]]

    wait_for("the application", lambda: shown() == ["counted"], seconds=60)


def test_event_logs_are_on_the_volume(host):
    assert host.check_output("printenv EVENT_LOGS") == "file:///home/onyxia/work/spark-events"
    folder = host.check_output("findmnt -n -o TARGET -T /home/onyxia/work/spark-events")
    assert folder == "/home/onyxia/work"


def test_half_of_the_memory_is_the_heap(host):
    lines = host.check_output("cat /proc/[0-9]*/cmdline | tr '\\0' '\\n'").splitlines()
    limit = int(host.check_output("printenv MEMORY_LIMIT"))
    assert f"-Xmx{limit // 2}m" in lines
