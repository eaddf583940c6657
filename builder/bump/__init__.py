"""Says which release lines may come, and which end. `decision` compares the matrix and its policy
with what indexes have and with tables of ends of life: it is a pure function of them and of the
day. `trust` says which observation is not believed. `writing` carries out proposals in the text of
matrix.yaml. Imports `resolvers.observation`, `resolvers.ends_of_life`, `catalog` and
what is below.
"""
