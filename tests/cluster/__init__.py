"""A real Kubernetes of two nodes on this machine, for tests: see docs/cluster.md.

`python -m tests.cluster build|up|down` compiles it, starts it and removes it.
"""
