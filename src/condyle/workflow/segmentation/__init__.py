"""A model ready to segment, and the way of many scans through it."""
