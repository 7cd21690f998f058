"""What the page of a study says."""

from __future__ import annotations

KIND = "Condyle study"
ANSWERS = "What was asked"
NO_ANSWER = "Not answered yet: the comparison is not there."
MORE = "{n} more findings"
WHOLE = "the whole comparison"
LIMITS = "What this cannot show"
SCALE = (
    "This is the study at the scale “{scale}”, with little data and short training: it shows that everything runs. "
    "What is ahead here need not be ahead in the full study."
)
SIMULATED = "Simulated scans: {names}. What holds for them need not hold for scans of patients."
UNDONE = "Not done"
SCORES = "Scores"
SCORES_NOTE = (
    "Mean ± SD over cases, and the 95 % interval of the mean, drawn by patients, from five on. A model that learnt one "
    "label set may be judged by another: both are named. Missed structures count as Dice 0, and in the penalised "
    "distance."
)
HELD_OUT = "On the cases that each training held out itself"
JUDGED = "{structure}, judged by {against}"
ONLY_SOME = "The first {shown} of {all}; the table has them all."
CONFIGURATIONS = "Configurations on held-out cases"
CONFIGURATIONS_NOTE = (
    "Mean Dice over structures and held-out cases. Bars start near the smallest. Differences within what another seed "
    "changes are no differences; the comparisons above say which stand."
)
PROGRESS = "Training progress"
PROGRESS_NOTE = (
    "Left axis: loss on training (first colour) and validation patches (second); right axis: pseudo-Dice on validation "
    "patches, faint, and its moving average. It is not the Dice of whole scans."
)
RESOURCES = "What it took"
RESOURCES_NOTE = (
    "Time by the clock, with whatever else the machine did; memory is the peak of the process, of a graphics card "
    "where there was one. Parameters are all numbers in the weights, running statistics among them."
)
ASKING_NOTE = (
    "Segmenting: seconds from the scan that was read to its mask, mean over scans; a step is a batch of windows. "
    "Energy is that of the whole machine for all scans."
)
HOW = "How it was done"
SPLIT_NOTE = "All scans of a patient or donor stay in one part of the split; a dataset that tears one apart is refused."
COMMANDS = "Commands"
BASELINE = "Numbers of others"
BASELINE_NOTE = "Other scans, other truths, other definitions: they give a scale, and no test can be made of them."
