"""Parts of a training: its folder, one fold, the cases held out, cleanup."""
