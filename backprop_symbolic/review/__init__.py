"""Reads a derivation that somebody wrote by hand and judges every line.

tree     what was read: rows, names, operations, each with its place
words    the tables of words and commands
sources  a file as rows
tokens   a row as tokens
grammar  a row as relations
context  what the text is about, found in it or given
meaning  what is written as expressions of the engine
judge    the verdict on every link
splice   a piece of what was written, exchanged
repair   what was probably meant
fix      the repaired copy
report   what was found, in every format
contextfile  what a reader states of a text
command  `backprop review`
"""
