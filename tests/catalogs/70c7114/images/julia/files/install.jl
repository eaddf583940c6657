# Installs packages for everybody: julia install.jl NAME…   Every one of them must load.
#
# What is compiled is valid for as long as its sources have the times that they had then (up to
# Julia 1.10). Files of an image get one and the same time; so they get it before they are compiled.
#
# Where packages are locked, /packages has a list, `name version uuid tree` on each line, and files
# that are called as the git tree that is packed in them. Their sources are laid into the depot, and
# Pkg is given a registry of these versions alone: it can choose no others.
import Pkg
@static if VERSION < v"1.6"
    const TOML = Pkg.TOML
else
    import TOML
end

const DEPOT = "/opt/julia-depot"
const LOCKED = "/packages/packages.txt"

# Lay the source of a package into the depot, and check it; the folder.
function lay(name, uuid, tree)
    slug = Base.version_slug(Base.UUID(uuid), Base.SHA1(tree))
    folder = mkpath(joinpath(DEPOT, "packages", name, slug))
    archive = joinpath(dirname(LOCKED), tree)
    isfile(archive) || (archive = download("$(ENV["JULIA_PKG_SERVER"])/package/$uuid/$tree"))
    run(`tar --extract --gzip --file=$archive --directory=$folder
         --no-same-owner --no-same-permissions`)
    found = bytes2hex(Pkg.GitTools.tree_hash(folder))
    found == tree || error("$name has the git tree $found, and $tree is locked")
    return folder
end

# What a package needs, by name.
function needs(folder)
    names = ("JuliaProject.toml", "Project.toml")
    files = filter(isfile, [joinpath(folder, name) for name in names])
    isempty(files) && error("$folder has no Project.toml")
    project = TOML.parsefile(first(files))
    weak = VERSION < v"1.9" ? Dict() : get(project, "weakdeps", Dict())
    return filter(item -> !haskey(weak, first(item)), get(project, "deps", Dict()))
end

# A registry of the packages `(name, version, uuid, tree, folder)`, each in one version.
function write_registry(packages)
    root = mkpath(joinpath(DEPOT, "registries", "Locked"))
    quoted(items) = join("$name = \"$value\"\n" for (name, value) in items)
    open(joinpath(root, "Registry.toml"), "w") do file
        print(file, quoted(["name" => "Locked", "uuid" => "1b61d5a4-6cbb-4c0c-9f0c-3a2e0a1f5d7e"]))
        println(file, "repo = \"\"\n[packages]")
        for (name, version, uuid, tree, folder) in packages
            println(file, "$uuid = { name = \"$name\", path = \"$uuid\" }")
        end
    end
    for (name, version, uuid, tree, folder) in packages
        place = mkpath(joinpath(root, uuid))
        about = ["name" => name, "uuid" => uuid, "repo" => ""]
        write(joinpath(place, "Package.toml"), quoted(about))
        tree = quoted(["git-tree-sha1" => tree])
        write(joinpath(place, "Versions.toml"), "[\"$version\"]\n" * tree)
        section = "[\"$(first(split(version, r"[-+]")))\"]\n"  # ranges know numbers alone
        write(joinpath(place, "Deps.toml"), section * quoted(needs(folder)))
        write(joinpath(place, "Compat.toml"), "")
    end
end

# What is here already, from an image below.
function installed()
    return [
        (it.name, string(it.version), string(uuid), it.tree_hash, it.source)
        for (uuid, it) in Pkg.dependencies() if it.tree_hash !== nothing
    ]
end

ENV["JULIA_PKG_PRECOMPILE_AUTO"] = "0"
Pkg.activate(joinpath(DEPOT, "environments", "system"))
locked = []
if isfile(LOCKED)
    for line in eachline(LOCKED)
        name, version, uuid, tree = split(line)
        push!(locked, (name, version, uuid, tree, lay(name, uuid, tree)))
    end
    every = Dict(item[3] => item for item in [installed(); locked])  # by uuid
    write_registry(values(every))
end
Pkg.add([Pkg.PackageSpec(name = name) for name in ARGS])
# Pkg builds what it laid down itself.
built = [name for (name, _, _, _, folder) in locked if isfile(joinpath(folder, "deps", "build.jl"))]
isempty(built) || Pkg.build(string.(built))

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
