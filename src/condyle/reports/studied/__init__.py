"""The page of a study: what was asked and found, scores, trainings, what they took."""
