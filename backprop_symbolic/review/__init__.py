"""Reads a derivation that somebody wrote by hand and judges every line.

tree     what was read: rows, names, operations, each with its place
words    the tables of words and commands
sources  a file as rows
tokens   a row as tokens
grammar  a row as relations
"""
