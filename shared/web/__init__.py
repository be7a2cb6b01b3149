"""Pages, problems and sessions: what the HTTP side of every service shares."""
