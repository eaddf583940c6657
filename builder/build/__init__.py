"""Carries out the steps of a plan: the executor with its retries, the steps of images (build, test,
push) and of charts, disk admission, the checks of size and of installed packages, and the
comparison of two builds of one target.

Imports `plan`, `charts`, `testing`, `resolvers` and packages below those. It uses adapters only
through their interfaces.
"""
