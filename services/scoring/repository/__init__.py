"""Every query of scoring lives here."""
