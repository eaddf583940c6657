"""The engine podman. `factory` is its entry in the table of engines, `engine` builds and starts
containers, and `storage` is its folder in `build/`; `commands` has the command lines, and
`host_probe` looks at what this machine permits. Imports what `engines` may.
"""
