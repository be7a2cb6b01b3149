"""E-mail: its words, its bytes, and the way to the server."""
