"""Pure bookkeeping rules: an export item and settings in, balanced entries or one named failure out."""
