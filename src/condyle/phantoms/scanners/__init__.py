"""From a subject to what a scanner shows of it."""
