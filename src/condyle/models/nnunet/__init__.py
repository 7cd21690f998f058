"""nnU-Net v2 results folders, read without running anything in them, and written."""
