"""A version matrix to container images and Helm charts: expanded, built, tested, published."""
