"""What a model says about a scan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from condyle.labels import Labels
from condyle.predict.confidence.agreement import Agreement
from condyle.predict.confidence.evidence import Evidence, gather
from condyle.predict.confidence.judge import Confidence, Judge, judged
from condyle.predict.decide import Scores
from condyle.predict.memory import Estimate
from condyle.space import Box, Volume


@dataclass(frozen=True, eq=False)
class Answer:
    """What a model says about a scan, all of it on the scan's own grid.

    Args:
        labels: The label map, cleaned.
        need: The memory that was reckoned with.
        probabilities: Where asked for, float32 (K, I, J, K): of background and each structure, or of each region,
            before cleanup. May be the map of a file that is gone with it.
        uncertainty: Where asked for, in nats; see `ensemble.with_disagreement`.
        agreement: Where changed looks were asked for: structure's id to its Dice with each, before cleanup.
        evidence: On each structure, where the model can judge it.
        confidence: What follows from the evidence; None where the model cannot tell, or was not asked.
    """

    labels: Volume
    need: Estimate
    probabilities: Scores | None = None
    uncertainty: Volume | None = None
    agreement: Agreement = field(default_factory=dict)
    evidence: Mapping[str, Evidence] = field(default_factory=dict)
    confidence: Mapping[str, Confidence] | None = None

    def judged(self, judge: Judge, labels: Labels, within: Box | None) -> Answer:
        """The answer with its evidence, and what a judge makes of it.

        Args:
            judge: The model's.
            labels: The table.
            within: The part of the scan that was looked at; all of it if None.
        """
        asked, known, scattered = len(judge.looks), judge.population, judge.scattered
        evidence = gather(self.labels, labels, self.agreement, known, looks=asked, scattered=scattered, within=within)
        return replace(self, evidence=evidence, confidence=judged(evidence, judge))
