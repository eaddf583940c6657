# Installs packages of CRAN for everybody: Rscript install.R NAME…
# What the lock has is listed in /packages: name, sha256 and path of each file. These are installed,
# all of them, and no others: the files that lie there too, or where none do, the same ones, fetched.
wanted <- commandArgs(trailingOnly = TRUE)
library <- if (length(.Library.site)) .Library.site[[1]] else .Library
folder <- "/tmp/r-packages" # always the same, as a package keeps the path it was made in

# The files of the list, unpacked into `folder`.
unpack <- function(listed) {
  dir.create(folder)
  files <- file.path("/packages", basename(listed$path))
  if (!any(file.exists(files))) {
    options(timeout = 600)
    files <- file.path(folder, basename(listed$path))
    urls <- paste0(Sys.getenv("PACKAGE_MANAGER_URL"), "/", listed$path)
    for (i in seq_along(urls)) utils::download.file(urls[[i]], files[[i]], quiet = TRUE)
    sums <- file.path(folder, "sha256sums")
    writeLines(paste0(listed$sha256, "  ", files), sums)
    if (system2("sha256sum", c("--check", "--quiet", sums)) != 0) {
      stop("what was fetched is not what the lock has")
    }
  }
  for (file in files) utils::untar(file, exdir = folder, tar = "internal")
}

# A rule of make for a package: what it needs of `names` comes first.
rule <- function(name, names) {
  fields <- read.dcf(
    file.path(folder, name, "DESCRIPTION"), fields = c("Depends", "Imports", "LinkingTo")
  )
  words <- unlist(strsplit(gsub("\\([^)]*\\)", "", fields), "[^A-Za-z0-9.]+"))
  # The time at which a package was made would be another with each build.
  built <- format(as.POSIXct(as.numeric(Sys.getenv("SOURCE_DATE_EPOCH", "0")), tz = "UTC"), "%F")
  sprintf(
    "%s: %s\n\tMAKEFLAGS= %s/bin/R CMD INSTALL --pkglock --built-timestamp=%s --library=%s %s/%s",
    name, paste(intersect(words, names), collapse = " "), R.home(), built, library, folder, name
  )
}

if (file.exists("/packages/packages.txt")) {
  listed <- utils::read.table(
    "/packages/packages.txt", col.names = c("name", "sha256", "path"), colClasses = "character"
  )
  unpack(listed)
  rules <- vapply(listed$name, rule, "", names = listed$name)
  makefile <- file.path(folder, "Makefile")
  writeLines(c(paste(c("all", ".PHONY"), ":", paste(listed$name, collapse = " ")), rules), makefile)
  jobs <- paste0("--jobs=", parallel::detectCores())
  if (system2("make", c(jobs, "--output-sync", "-f", makefile)) != 0) quit(status = 1)
  unlink(folder, recursive = TRUE)
} else {
  utils::install.packages(wanted, lib = library, Ncpus = parallel::detectCores(), quiet = TRUE)
}

# install.packages() only warns of a package that could not be built: here each must load.
loads <- vapply(wanted, requireNamespace, logical(1), lib.loc = library, quietly = TRUE)
if (!all(loads)) {
  message("not installed: ", paste(wanted[!loads], collapse = ", "))
  quit(status = 1)
}
