#!/bin/bash
# keys.sh LIBRARY < NAMES: each name that a key of a Vault secret may not have, on a line.
for _part in report quote urls session settings network names vault; do
  # shellcheck disable=SC1090 # they are checked themselves
  . "$1/$_part.sh"
done
learn_names
while IFS= read -r _name; do
  if is_taken "$_name" || is_reserved "$_name"; then
    printf '%s\n' "$_name"
  fi
done
