"""Whether a Docker engine can give the tests their servers."""

import os
from pathlib import Path


def docker_answers() -> bool:
    """Whether a Docker API is there and answers."""
    if not os.environ.get("DOCKER_HOST") and not Path("/var/run/docker.sock").exists():
        return False
    import docker  # only where an engine is likely
    from docker.errors import DockerException

    try:
        client = docker.from_env(timeout=5)
        client.ping()
        client.close()
    except (DockerException, OSError):
        return False
    return True
