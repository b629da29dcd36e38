"""Ports for servers that a test starts later."""

import contextlib
import random
import socket


def free_ports(count: int) -> list[int]:
    """Find ports below those that the system gives to outgoing connections, one of which could take them meanwhile."""
    found: set[int] = set()
    while len(found) < count:
        port = random.SystemRandom().randint(15000, 32000)
        with contextlib.suppress(OSError), socket.create_server(("", port)):
            found.add(port)
    return list(found)


def free_port() -> int:
    """Find one."""
    return free_ports(1)[0]
