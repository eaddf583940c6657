"""Onyxia's requirements of a chart, as rules, and the values that a launch from its form sends.

Pure. Imports `catalog` and `common`.
"""
