"""Intake's migrations."""
