"""``python -m services.voting api|worker|relay|migrate``."""

from services.voting.app import build
from shared.runtime import main

if __name__ == "__main__":
    main("voting", build)
