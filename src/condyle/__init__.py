"""Condyle: from a scan to numbers, meshes and simulation one can defend."""
