"""Reads a derivation that somebody wrote by hand and judges every line.

tree     what was read: rows, names, operations, each with its place
"""
