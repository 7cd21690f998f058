"""From a dataset to a plan: a fingerprint of the data, and rules that turn it into sizes, each with its reason.

The rules are nnU-Net v2's (F. Isensee et al., Nature Methods 18, 2021; MICCAI 2024 for residual encoders); for the
same scans they give its numbers. A recipe's own choices go before them.
"""

from condyle.planning.fingerprint import Fingerprint, StructureFacts, fingerprint
from condyle.planning.intensities import Intensity
from condyle.planning.plan import Planned, make_plan
from condyle.planning.reasons import Reason

__all__ = ["Fingerprint", "Intensity", "Planned", "Reason", "StructureFacts", "fingerprint", "make_plan"]
