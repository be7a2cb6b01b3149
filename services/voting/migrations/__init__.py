"""Migrations of voting's database."""
