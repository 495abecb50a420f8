"""A real Apache Kafka on loopback, without Docker and without a Java on the machine."""

from tocsin.broker.cluster import EmbeddedKafka

__all__ = ["EmbeddedKafka"]
