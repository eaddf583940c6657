"""Plans, results and differences for people and machines: text, Markdown and JSON. There is a
module for each subject: `plan` prints plans, `weekly` and `document` write report.md and
report.json, and `progress` shows a run while it goes on. Imports `diff`, `build`, `plan` and what
is below; it alone imports rich.
"""
