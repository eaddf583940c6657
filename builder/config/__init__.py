"""Text of the catalog's files to models, every mistake with its line and column."""
