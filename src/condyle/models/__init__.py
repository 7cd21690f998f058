"""Trained models as folders: ours, and nnU-Net v2's in and out."""

from condyle.models.folder import save
from condyle.models.load import load
from condyle.models.model import Model

__all__ = ["Model", "load", "save"]
