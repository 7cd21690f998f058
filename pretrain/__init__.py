"""How the model `bones` that ships with Condyle is made, from nothing but bone surfaces.

    make pretrain                                 # two hours on two cores, a budget for each of its two stages
    python -m pretrain --folder FOLDER --minutes 60 --bodies 100 --shapes ../shared/data/shapes

Bodies are sampled (`condyle phantom synthetic`), both stages learn from pictures of them (`condyle train`, recipe
`synthetic`), confidence is calibrated on pictures of bodies that were held out, real scans at hand are segmented, and
the model goes into the package with a card that tells all of it. Whatever is done already is not done again: the same
command goes on where it was stopped.
"""
