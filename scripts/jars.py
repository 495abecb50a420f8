"""Writes tocsin/broker/jars.lock: resolves Kafka's jars with jgo's own resolver and keeps what the broker loads.

Run after changing KAFKA or LOG4J below; the broker's tests then say whether something needed was left out.
"""

import hashlib
import tempfile
from pathlib import Path

from jgo.constants import MAVEN_CENTRAL_URL
from jgo.env import EnvironmentBuilder, LinkStrategy
from jgo.maven import MavenContext

KAFKA = "4.3.1"
LOG4J = "2.25.4"
LOCK = Path(__file__).resolve().parent.parent / "src" / "tocsin" / "broker" / "jars.lock"
# Named explicitly: left alone the resolver takes an older kafka-clients, and the broker dies at its first class.
ENDPOINT = "+".join((
    f"org.apache.kafka:kafka_2.13:{KAFKA}", f"org.apache.kafka:kafka-clients:{KAFKA}",
    f"org.apache.kafka:kafka-tools:{KAFKA}", f"org.apache.logging.log4j:log4j-slf4j-impl:{LOG4J}",
))  # fmt: skip
# Kafka Connect and its web server come along with the tools; a broker never loads them.
LEFT_OUT = (
    "connect-", "jetty-", "jersey-", "hk2-", "jakarta.", "javax.", "jaxb-", "swagger-", "classgraph", "plexus-",
    "maven-artifact", "activation", "aopalliance", "osgi-", "javassist", "jackson-jakarta", "jackson-module-jakarta",
    "snakeyaml", "jackson-dataformat-yaml",
)  # fmt: skip


def main() -> None:
    """Resolves, hashes, writes."""
    with tempfile.TemporaryDirectory() as scratch:
        repo = Path(scratch) / "m2"
        context = MavenContext(repo_cache=repo, remote_repos={"central": MAVEN_CENTRAL_URL})
        builder = EnvironmentBuilder(context=context, cache_dir=Path(scratch) / "env", link_strategy=LinkStrategy.COPY)
        built = builder.from_endpoint(ENDPOINT, main_class="kafka.Kafka")
        wanted = {jar.name for jar in Path(built.path).rglob("*.jar")}
        lines = [f"# Apache Kafka {KAFKA} as the broker loads it: SHA-256, bytes, path in a repository"]
        for jar in sorted(repo.rglob("*.jar")):
            if jar.name in wanted and not jar.name.startswith(LEFT_OUT):
                data = jar.read_bytes()
                lines.append(f"{hashlib.sha256(data).hexdigest()} {len(data)} {jar.relative_to(repo).as_posix()}")
    LOCK.write_text("\n".join(lines) + "\n")
    print(f"{LOCK}: {len(lines) - 1} jars")


if __name__ == "__main__":
    main()
