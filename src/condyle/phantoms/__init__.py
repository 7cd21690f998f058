"""Simulated people in simulated scanners: scans whose truth is known exactly, in mm.

    solids/     shapes as signed distances, and how to join, move and ruffle them
    anatomy/    bones, joints, muscles and organs made of solids
    skeleton/   whole lower bodies made of given bone surfaces, posed by an OpenSim model
    scanners/   CT and MR: materials, point spread, texture, noise, artefacts

`body` says what a subject is, `subjects` lists the kinds there are, `cohort` makes many of one kind.
"""
