"""Thai dates, digits and text."""
