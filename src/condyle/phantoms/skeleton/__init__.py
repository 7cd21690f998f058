"""Lower bodies from given bone surfaces."""
