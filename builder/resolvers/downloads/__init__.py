"""Release lines that are files of an upstream: `rstudio` (RStudio Server), `spark`, and `url` for
any other file. Imports what `resolvers` may.
"""
