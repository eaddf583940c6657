"""Matrix and recipes to plain files. Pure: text in, `{path: bytes}` out."""
