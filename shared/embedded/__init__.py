"""The embedded mode: PostgreSQL and a broker started by the program itself, under ``./var``."""
