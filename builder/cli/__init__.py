"""The command line: a file for each command, which parses options, calls the app and prints. `main`
lists the commands, `options` has the options that several share, and `open` makes the app. Imports
everything; it alone imports click.
"""
