"""Masks without training: thresholds, line marks, morphology, voxelised surfaces."""
