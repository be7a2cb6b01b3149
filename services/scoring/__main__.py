"""``python -m services.scoring api|worker|relay|migrate``."""

from services.scoring.app import build
from shared.runtime import main

if __name__ == "__main__":
    main("scoring", build)
