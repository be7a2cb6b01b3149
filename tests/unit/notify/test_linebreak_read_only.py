"""Line breaking where nothing can be written, as in a container with a read-only root."""

import os
import subprocess
import sys

BREAK = """
from services.notify.letters.linebreak import GENERAL_GLOSSARY, LineBreaker
print(len(list(LineBreaker((GENERAL_GLOSSARY,)).runs("พัฒนาเมืองอัจฉริยะ"))) > 0)
"""


def test_words_are_cut_without_a_home_directory() -> None:
    home = {"HOME": "/dev/null"}  # nobody, root included, can make a folder there
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHAINLP")}
    said = subprocess.run(
        [sys.executable, "-c", BREAK], env=environment | home, capture_output=True, text=True, check=False
    )
    assert (said.returncode, said.stdout) == (0, "True\n"), said.stderr
