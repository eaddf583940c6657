"""The engine podman: its factory, the engine, its command lines, its storage below the project's
folder, and what this machine lets it do.

Imports what `engines` may.
"""
