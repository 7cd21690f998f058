"""Pairs of image and labels, drawn afresh for every step of a training.

* **map**: a subject sampled once, so that pictures of it are cheap: tissue, nearest bone, distance to its surface.
* **pose**: where a map lies in a patch: turned, scaled, bent, mirrored.
* **painting**: what each tissue looks like this time: CT, MR, or nothing that any scanner ever showed.
* **acquisition**: what a scanner makes of it: slices, blur, noise, streaks, bias, field of view.

All of it is drawn at random, far beyond what scanners show: a network that has seen such pictures finds the shapes in
real ones (Billot et al., SynthSeg, Med Image Anal 2023; 86:102789).
"""
