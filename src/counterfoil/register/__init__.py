"""What must be remembered: connections, jobs, items, parts with intents and outcomes; and the locks."""
