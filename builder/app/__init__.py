"""The composition root: options, the adapters that they ask for, and one run on one catalog with
its plan.

It alone constructs adapters. Imports everything but `cli`.
"""
