"""Is Kafka up? Asked of Kafka itself, in its own protocol, over a plain socket: no client library, no event loop."""

import socket
import struct

_METADATA_KEY, _METADATA_VERSION = 3, 1
_ANSWER_BYTES_MAX = 1 << 20


def brokers_known(host: str, port: int, *, seconds: float = 1.0) -> int:
    """How many live brokers this one knows of, with a controller elected; 0 while it cannot answer.

    A Metadata request (KIP-4, version 1: brokers, controller id, topics) for no topics. It is answered only once the
    broker has caught up with the metadata log and is unfenced, which an open port alone does not say.
    """
    body = struct.pack(">hhih6si", _METADATA_KEY, _METADATA_VERSION, 1, 6, b"tocsin", 0)
    try:
        with socket.create_connection((host, port), timeout=seconds) as s:
            s.settimeout(seconds)
            s.sendall(struct.pack(">i", len(body)) + body)
            size = struct.unpack(">i", _read(s, 4))[0]
            if not 0 < size <= _ANSWER_BYTES_MAX:
                return 0
            return _count(_read(s, size))
    except (OSError, struct.error, EOFError):
        return 0


def _read(s: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = s.recv(count - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def _count(answer: bytes) -> int:
    at, brokers = 8, struct.unpack_from(">i", answer, 4)[0]
    for _ in range(brokers):
        at += 4
        at += 2 + struct.unpack_from(">h", answer, at)[0] + 4
        at += 2 + max(0, struct.unpack_from(">h", answer, at)[0])
    controller: int = struct.unpack_from(">i", answer, at)[0]
    return brokers if controller >= 0 else 0
