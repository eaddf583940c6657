"""Release lines that are single files of an upstream: RStudio Server, Spark, any URL.

Imports what `resolvers` may.
"""
