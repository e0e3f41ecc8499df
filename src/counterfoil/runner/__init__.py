"""Who runs an export when."""
