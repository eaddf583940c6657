# Installs packages of CRAN for everybody: Rscript install.R NAME…
# install.packages() only warns of a package that could not be built: here each must load.
wanted <- commandArgs(trailingOnly = TRUE)
library <- if (length(.Library.site)) .Library.site[[1]] else .Library
install.packages(wanted, lib = library, Ncpus = parallel::detectCores(), quiet = TRUE)
loads <- vapply(wanted, requireNamespace, logical(1), lib.loc = library, quietly = TRUE)
if (!all(loads)) {
  message("not installed: ", paste(wanted[!loads], collapse = ", "))
  quit(status = 1)
}
