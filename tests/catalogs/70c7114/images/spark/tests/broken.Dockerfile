# rejected by: test_spark_is_there_once
# Spark installed by pip as well, whose jars double the image.
FROM parent
USER 0
RUN mkdir --parents /opt/python/jars \
 && cp /opt/spark/jars/spark-core_*.jar /opt/python/jars
USER 1000
