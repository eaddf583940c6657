"""What lines resolve to. One module for each place that packages come from."""
