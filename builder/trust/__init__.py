"""Signs what the builder makes, and says who is believed. `statement`, `dsse`, `simple_signing` and
`bundle` are documents, without files or a network; `keys` reads and makes keys; `policy` says whom
a catalog believes, and until when. Imports `registry`, `oci` and `common`.
"""
