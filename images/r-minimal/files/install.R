# Installs packages of CRAN for everybody: Rscript install.R NAME…
# What the lock has is listed in /packages: name, sha256 and path of each file. These are installed,
# all of them, and no others: the files that lie there too, or where none do, the same ones, fetched.
# install.packages() only warns of a package that could not be built: here each must load.
wanted <- commandArgs(trailingOnly = TRUE)
packages <- wanted
repositories <- getOption("repos")
library <- if (length(.Library.site)) .Library.site[[1]] else .Library

list <- "/packages/packages.txt"
if (file.exists(list)) {
  locked <- utils::read.table(
    list, col.names = c("name", "sha256", "path"), colClasses = "character", quote = "",
    comment.char = ""
  )
  packages <- locked$name
  # A repository of these files: R finds the order in which they are installed.
  repositories <- paste0("file://", tempdir())
  folder <- file.path(tempdir(), "src", "contrib")
  dir.create(folder, recursive = TRUE)
  files <- file.path(folder, basename(locked$path))
  if (length(Sys.glob("/packages/*.tar.gz"))) {
    invisible(file.symlink(file.path("/packages", basename(locked$path)), files))
  } else {
    options(timeout = 600)
    urls <- paste0(Sys.getenv("PACKAGE_MANAGER_URL"), "/", locked$path)
    for (i in seq_along(urls)) utils::download.file(urls[[i]], files[[i]], quiet = TRUE)
    sums <- tempfile()
    writeLines(paste0(locked$sha256, "  ", files), sums)
    if (system2("sha256sum", c("--check", "--quiet", sums)) != 0) {
      stop("what was fetched is not what the lock has")
    }
  }
  tools::write_PACKAGES(folder, type = "source")
}

# Of a package that is compiled here the time would be another with each build.
epoch <- Sys.getenv("SOURCE_DATE_EPOCH")
if (!nzchar(epoch)) epoch <- unclass(Sys.time())
built <- format(as.POSIXct(as.numeric(epoch), origin = "1970-01-01", tz = "UTC"), "%Y-%m-%d")
utils::install.packages(
  packages, lib = library, repos = repositories, Ncpus = parallel::detectCores(), quiet = TRUE,
  INSTALL_opts = paste0("--built-timestamp=", built)
)
loads <- vapply(wanted, requireNamespace, logical(1), lib.loc = library, quietly = TRUE)
if (!all(loads)) {
  message("not installed: ", paste(wanted[!loads], collapse = ", "))
  quit(status = 1)
}
