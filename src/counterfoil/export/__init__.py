"""An export job as a resumable function: the seven steps, one module each."""
