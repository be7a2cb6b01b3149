"""What the tests need of the machine, told before they start: ``python -m shared.testing.machine``.

A browser for the pages, Java and Maven for Kafka unless a broker or a Docker engine is there, and
Poppler to look at letters. Maven fetches Kafka's jars here, so that no test waits for them, and
their classes are kept as Java loads them, so that each of the tests' many brokers starts sooner.
"""

import os
import shutil
import subprocess
import sys

from shared.embedded.kafka_java import share_classes
from shared.startup import CannotStart
from shared.testing.docker import docker_answers

BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""The first one found is used. The shell is the same engine without windows of its own, whose tabs and
menus cost a quarter of a page test's processor time."""


def missing() -> list[str]:
    """One sentence for each thing that is not there, with what to install."""
    sentences = []
    if not any(shutil.which(name) for name in BROWSERS):
        sentences.append(
            "There is no Chromium for the tests of pages (Debian: apt-get install chromium-headless-shell)."
        )
    if not shutil.which("pdftoppm"):
        sentences.append(
            "There is no pdftoppm for the tests of letters (Debian: apt-get install poppler-utils)."
        )
    if not os.environ.get("KAFKA_BOOTSTRAP_SERVERS") and not docker_answers():
        try:
            share_classes()
        except CannotStart as error:
            sentences.append(str(error))
        except subprocess.TimeoutExpired:
            sentences.append(
                "Maven did not fetch Kafka's jars within ten minutes: look at the network and try again."
            )
    return sentences


def main() -> None:
    """Exit 1 if anything is missing."""
    sentences = missing()
    for sentence in sentences:
        sys.stderr.write(f"{sentence}\n")
    if sentences:
        sys.stderr.write("On a Debian machine .ci/run installs all of it, as root.\n")
        raise SystemExit(1)


if __name__ == "__main__":
    main()
