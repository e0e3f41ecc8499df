"""What a service shows on HTTP: its health, its connections, and "look now"."""
