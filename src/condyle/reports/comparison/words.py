"""Every sentence of the page that does not depend on a number."""

from __future__ import annotations

KIND = "Condyle comparison"
LEAD = (
    "{names} candidates were judged by “{truth}” on the same {cases} cases of {patients} patients. "
    "First what that shows, then the numbers behind it."
)
LEAD_ALONE = (
    "{names} ways of labelling the same {cases} cases of {patients} patients were held against each other. "
    "Nobody says that one of them is true, so there is no winner; the page tells how far apart they are, and where."
)
SCORES_NOTE = (
    "Mean, standard deviation (±) and 95 % bootstrap interval, drawn over patients. A missed structure or a false "
    "alarm has Dice 0 and no distance; in the penalised means it counts with the diagonal of the image or the stated "
    "limit."
)
BOXES = "Case by case"
BOXES_NOTE = (
    "One dot a case; the box holds the middle half, its line is the median. What has no value is counted below."
)
MORE = "Box plots and sorted bars of every score"
DIFFERENCES = "Differences on the same cases"
DIFFERENCES_NOTE = (
    "Intervals are drawn over patients, who come with all their cases. p is Wilcoxon's signed-rank test over patients, "
    "corrected after Holm for every comparison on this page. Distances are penalised, so that no missed structure is "
    "left out. No winner is named where the interval spans zero, or where another seed changes as much."
)
SEEDS = "Repeated trainings"
SEEDS_NOTE = "A difference between two models means little if two trainings of one model differ as much."
RANKS = "Ranking"
RANKS_NOTE = (
    "Candidates are ranked for each patient; rank 1 is the best. “First in draws” tells how often a candidate comes "
    "first when the patients are drawn anew: an order that holds has one near 100 %. In the diagram, bars join "
    "candidates whose mean ranks are no further apart than Nemenyi's critical difference at 5 %."
)
MORE_RANKS = "Ranking by the other scores"
RANKED = "By {score} over {blocks} patients. Friedman's test that there is any difference: p {p}."
RANKED_LEFT_OUT = " {n} patients without a score from every candidate are left out."
AGREEMENT = "Where the candidates agree"
AGREEMENT_NOTE = (
    "Candidates held against each other, neither of them taken as true. Volumes are of the second less the first."
)
PICTURES_NOTE = (
    "Green: both. Blue: only {a}. Yellow: only {b}. Cases with the most disagreement first; the planes pass through "
    "the cube of 1 cm where it is largest. The patient's right (R) is on the left."
)
BASELINE = "Numbers of others"
BASELINE_NOTE = "Other scans, other truths, other definitions: they give a scale, and no test can be made of them."
MEASURED = (
    "Distances are between smooth surfaces placed between the voxels and weighted by area, with the faces where the "
    "field of view cuts a bone left out."
)
BOOTSTRAP = ("Bootstrap interval", "Patients are drawn anew 2000 times (Efron 1979); 95 % of the means lie within it.")
TESTS = (
    ("Holm", "p values corrected for having asked many questions at once (Holm 1979)."),
    ("Critical difference", "Nemenyi's distance of mean ranks (Demšar 2006)."),
)
