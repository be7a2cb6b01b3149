"""``python -m services.notify api|worker|relay|migrate``."""

from services.notify.app import build
from shared.runtime import main

main("notify", build)
