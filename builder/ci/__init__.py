"""CI systems. To add one, write a module here that does what `systems` asks, and add a line to the
table in `systems`; `github` is the model. `roles` says what each job of a week may hold, and
`shards` divides a plan into jobs. Pure. Imports `plan` and what is below.
"""
