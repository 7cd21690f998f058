"""What several verbs need: names of labels, commands, cohorts."""
