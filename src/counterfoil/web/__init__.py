"""What a service shows on HTTP: its health, its connections, "look now", and Pleo's webhooks."""
