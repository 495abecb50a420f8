"""Runs one Kafka as Apache's own image is told to: KAFKA_NODE_ID in the environment is `node.id`, and so on."""

import os
import subprocess
from pathlib import Path

HOME = Path("/opt/kafka")
PROPERTIES, LOG4J = Path("/tmp/server.properties"), Path("/tmp/log4j2.properties")  # noqa: S108 - a container's own
CLUSTER_ID = "TocsinTestClusterAAAAA"
JVM_ALONE = ("KAFKA_HEAP_OPTS",)
LOG4J_LINES = """\
status = error
appender.out.type = Console
appender.out.name = OUT
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{ISO8601} %p %m (%c)%n%throwable
rootLogger.level = warn
rootLogger.appenderRef.out.ref = OUT
"""


def properties(environment: dict[str, str]) -> str:
    """`server.properties` from the environment."""
    told = {k: v for k, v in environment.items() if k.startswith("KAFKA_") and k not in JVM_ALONE}
    return "".join(f"{k.removeprefix('KAFKA_').lower().replace('_', '.')}={v}\n" for k, v in sorted(told.items()))


def main() -> None:
    """Formats the data directory where it is new, then becomes the broker, so that SIGTERM reaches it."""
    PROPERTIES.write_text(properties(dict(os.environ)))
    LOG4J.write_text(LOG4J_LINES)
    jars = os.pathsep.join(str(j) for j in sorted((HOME / "libs").glob("*.jar")))
    heap = os.environ.get("KAFKA_HEAP_OPTS", "-Xmx512m").split()
    java = [str(HOME / "jre" / "bin" / "java"), *heap, f"-Dlog4j2.configurationFile={LOG4J}", "-cp", jars]
    storage = [*java, "kafka.tools.StorageTool", "format", "--ignore-formatted"]
    subprocess.run([*storage, "-t", CLUSTER_ID, "-c", str(PROPERTIES)], check=True)
    os.execv(java[0], [*java, "kafka.Kafka", str(PROPERTIES)])  # noqa: S606 - as above


if __name__ == "__main__":
    main()
