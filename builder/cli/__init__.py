"""The command line, a file for each command: parse the options, call the app, print.

It alone imports click.
"""
