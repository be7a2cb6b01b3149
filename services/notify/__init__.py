"""Contacts, notices, official letters and their register, certificates, and the staff board."""
