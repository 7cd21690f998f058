"""Trained models as folders: ours, and nnU-Net v2's in and out; and the store of installed ones."""

from condyle.models.compact import compact
from condyle.models.folder import save
from condyle.models.load import load
from condyle.models.model import Model
from condyle.models.store import find

__all__ = ["Model", "compact", "find", "load", "save"]
