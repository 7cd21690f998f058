"""Parts of a study: its folder, its run, its report."""
