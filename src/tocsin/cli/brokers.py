"""The brokers of a deployment, asked from the command line."""

import asyncio

from tocsin.broker.ready import brokers_known
from tocsin.cli.deployment import Deployment
from tocsin.cli.errors import Mend


def brokers_seen(deployment: Deployment) -> list[int]:
    """How many brokers each address knows of, 0 where it does not answer; with credentials, the cluster as a whole."""
    settings = deployment.settings()
    if settings.kafka_security == "PLAINTEXT":
        addresses = [a.strip().rpartition(":") for a in deployment.bootstrap.split(",")]
        return [brokers_known(host, int(port)) for host, _, port in addresses]
    from tocsin.broker.topics import brokers_of

    try:
        return [asyncio.run(brokers_of(settings))]
    except Mend:
        return [0]
