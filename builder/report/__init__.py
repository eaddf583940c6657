"""Plans, results, differences and verdicts as people and machines read them: text, Markdown, JSON;
one module for each subject.

Imports `diff`, `build`, `plan` and what is below; it alone imports rich.
"""
