"""Exit 0 if the process in this container is ready. Plain sockets: it runs every few seconds."""

import os
import socket
import sys

REQUEST = b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"

try:
    port = int(os.environ.get("SHOWCASE_HTTP_PORT", "8000"))
    with socket.create_connection(("127.0.0.1", port), 4) as ready:
        ready.sendall(REQUEST)
        status = ready.recv(64).split(b" ")[1:2]
except OSError as error:
    sys.exit(f"nothing answers: {error}")
sys.exit(0 if status == [b"200"] else 1)
