"""From a label map to sound surfaces in the patient, one a structure, and what is known of each."""
