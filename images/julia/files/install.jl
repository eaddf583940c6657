# Installs packages for everybody: julia install.jl NAME…   Every one of them must load.
#
# What is compiled is valid for as long as its sources have the times that they had then (up to
# Julia 1.10). Files of an image get one and the same time; so they get it before they are compiled.
import Pkg

const DEPOT = "/opt/julia-depot"
ENV["JULIA_PKG_PRECOMPILE_AUTO"] = "0"
Pkg.activate(joinpath(DEPOT, "environments", "system"))
Pkg.add([Pkg.PackageSpec(name = name) for name in ARGS])

epoch = get(ENV, "SOURCE_DATE_EPOCH", "0")
run(`find $DEPOT -exec touch --no-dereference --date=@$epoch "{}" +`)
Pkg.precompile()
for name in ARGS
    run(`$(Base.julia_cmd()) --startup-file=no --project=$(Base.active_project()) -e "import $name"`)
end

# The registry is old tomorrow, and the logs are of this machine.
for name in ("registries", "logs", "clones")
    rm(joinpath(DEPOT, name), force = true, recursive = true)
end
