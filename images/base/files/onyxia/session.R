# Read at the start of every R, by a file of the site. An R that descends from the service has its
# environment; one that does not (RStudio's sessions) is given it here.
local({
  directory <- Sys.getenv("ONYXIA_SESSION_DIR", "/tmp/onyxia-session")
  file <- file.path(directory, "environ")
  ours <- file.exists(file) && identical(file.info(file)$uid, file.info("/proc/self")$uid)
  if (ours && !nzchar(Sys.getenv("ONYXIA_SESSION"))) {
    bytes <- readBin(file, "raw", file.size(file))
    ends <- which(bytes == as.raw(0))
    starts <- c(1L, ends[-length(ends)] + 1L)
    for (i in seq_along(ends)) {
      pair <- bytes[starts[i]:(ends[i] - 1L)]
      at <- match(as.raw(61), pair)
      value <- if (at < length(pair)) rawToChar(pair[(at + 1L):length(pair)]) else ""
      do.call(Sys.setenv, structure(list(value), names = rawToChar(pair[seq_len(at - 1L)])))
    }
  }
})

# Mirrors of CRAN. Package Manager comes first: it has binaries for this Debian. At an address with
# `__linux__/NAME/` it gives them to an R that says what it is; another system's would not load here.
local({
  cran <- sub("/+$", "", Sys.getenv("R_REPOSITORY"))
  manager <- sub("/+$", "", Sys.getenv("PACKAGE_MANAGER_URL"))
  if (!nzchar(cran) && !nzchar(manager)) return()
  release <- readLines("/etc/os-release")
  codename <- sub("^VERSION_CODENAME=", "", grep("^VERSION_CODENAME=", release, value = TRUE))
  repositories <- getOption("repos")
  if (nzchar(manager)) {
    minor <- sub("^([0-9]+\\.[0-9]+).*", "\\1", getRversion())
    binaries <- sprintf("%s/latest/bin/linux/%s-%s/%s", manager, codename, R.version$arch, minor)
    repositories <- c(
      PackageManager = binaries, repositories[setdiff(names(repositories), "PackageManager")]
    )
    repositories["CRAN"] <- paste0(manager, "/latest")
  }
  if (nzchar(cran)) {
    repositories["CRAN"] <- sub(
      "/__linux__/[^/]+(/|$)", paste0("/__linux__/", codename, "\\1"), cran
    )
  }
  options(
    repos = repositories, renv.config.repos.override = repositories,
    HTTPUserAgent = sprintf(
      "R/%s R (%s)", getRversion(),
      paste(getRversion(), R.version$platform, R.version$arch, R.version$os)
    )
  )
})
