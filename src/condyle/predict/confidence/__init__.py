"""How far each structure of an answer may be trusted: a number, a light, and the reasons in words.

* **look**: the scan changed a little, and what the network says of it changed back; see `looks`.
* **agreement**: Dice of a structure between the plain look and a changed one.
* **usual**: size and shape of a whole bone in the population that the model was made for.
* **evidence**: what is found of one structure: agreement, islands, border, size, shape, side.
* **judge**: from evidence to the probability that the structure's Dice is above a threshold. It was calibrated on
  pictures with known truth, and lies with the model in `confidence.json`.
* **light**: green, yellow or red, by limits of the number that were chosen with the judge.

Structures that are not there are not judged: nobody can tell from an answer what it misses.
"""
