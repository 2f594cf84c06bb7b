"""Lecture notes: `notes(Lecture(graph))` writes the whole lecture as a document.

writer    blocks from sentences and steps
general   what holds in every network, as verified lines of letters
subject   the graph, one parameter of each layer, their one derivation
derived   the derivation in the lecture's order
slopes    the vanishing gradient
worked    numbers, the check, training, commands
symbols   the index of symbols
notes     all of it together
"""

from backprop_symbolic.lecture.notes import PARTS, Lecture, Notes, notes

__all__ = ["PARTS", "Lecture", "Notes", "notes"]
