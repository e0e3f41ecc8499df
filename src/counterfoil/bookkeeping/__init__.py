"""Pure bookkeeping rules: an item and settings in, balanced entries or one named failure out."""
