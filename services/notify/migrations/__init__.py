"""Notify's migrations."""
