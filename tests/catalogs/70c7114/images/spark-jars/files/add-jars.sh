#!/bin/sh
# Adds packages of Maven, and what they need, to a folder of jars: add-jars.sh FOLDER PACKAGE…
#
# PACKAGE is group:name:version, where the version may be a property that Hadoop's own build knows;
# `@jar` at its end leaves out what it needs. What FOLDER has in some version stays as it is.
# MAVEN_SETTINGS may name a file of settings: mirrors and proxies.
set -eu

folder=$1
shift
hadoop=$(basename "$folder"/hadoop-client-api-*.jar .jar)
hadoop=${hadoop#hadoop-client-api-}
work=$(mktemp -d)
mkdir "$work/trusted" "$work/jars"

# Java trusts what the build trusts. Its file of certificates is mounted over, and so in no layer.
bundle=/run/secrets/ca
[ -r "$bundle" ] || bundle=/etc/ssl/certs/ca-certificates.crt
awk -v folder="$work/trusted" '/BEGIN/ { n++ } n { print > folder "/" n ".crt" }' "$bundle"
for file in "$work"/trusted/*; do
  echo "+$file"
done > "$work/list"
java -XX:-UsePerfData -jar /usr/share/ca-certificates-java/ca-certificates-java.jar -storepass changeit \
  < "$work/list" > "$work/log"

{
  cat << EOF
<project><modelVersion>4.0.0</modelVersion><artifactId>jars</artifactId><packaging>pom</packaging>
<parent><groupId>org.apache.hadoop</groupId><artifactId>hadoop-project</artifactId>
<version>$hadoop</version><relativePath/></parent><dependencies>
EOF
  for package; do
    IFS=: read -r group name version << EOF
${package%@jar}
EOF
    echo "<dependency><groupId>$group</groupId><artifactId>$name</artifactId>"
    echo "<version>$version</version>"
    if [ "$package" != "${package%@jar}" ]; then
      echo '<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions>'
    fi
    echo '</dependency>'
  done
  echo '</dependencies></project>'
} > "$work/pom.xml"

MAVEN_OPTS=-XX:-UsePerfData mvn --batch-mode --quiet --no-transfer-progress -Dmaven.repo.local=/var/cache/maven \
  ${MAVEN_SETTINGS:+--settings "$MAVEN_SETTINGS"} --file "$work/pom.xml" \
  dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$work/jars"

for file in "$work"/jars/*.jar; do
  name=${file##*/}
  set -- "$folder/${name%%-[0-9]*}"-[0-9]*.jar
  [ -e "$1" ] || install --mode=0644 "$file" "$folder"
done
rm -r "$work"
