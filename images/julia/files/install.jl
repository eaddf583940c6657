# Installs packages for everybody: julia install.jl NAME…   Every one of them must load.
#
# What is compiled is valid for as long as its sources have the times that they had then (up to
# Julia 1.10). Files of an image get one and the same time; so they get it before they are compiled.
#
# Where packages are locked, /packages has a list, `name version uuid tree sha256` on each line, and
# files that are called as the git tree that is packed in them. An artifact is `package:artifact`,
# and has `artifact` for a uuid. All of them are laid into the depot, and Pkg is given a registry of
# these versions alone: it can choose no others, and it may ask nobody.
import Pkg
import SHA
@static if VERSION < v"1.6"
    const TOML = Pkg.TOML
else
    import TOML
end

const DEPOT = "/opt/julia-depot"
const LOCKED = "/packages/packages.txt"
const tree_hash = Pkg.GitTools.tree_hash

# Unpack a tarball into a folder; what is in it must have the git trees that are locked.
function unpack(name, path, folder, tree, sha256)
    archive = joinpath(dirname(LOCKED), tree)
    isfile(archive) || (archive = download("$(ENV["JULIA_PKG_SERVER"])/$path"))
    mkpath(folder)
    run(`tar --extract --file=$archive --directory=$folder
         --no-same-owner --no-same-permissions`)
    check(name, bytes2hex(tree_hash(folder)), tree)
    # Not in an older lock, nor by a Julia before 1.6; the builder has checked its files by both.
    if sha256 != "-" && hasmethod(tree_hash, Tuple{Type{SHA.SHA256_CTX}, String})
        check(name, bytes2hex(tree_hash(SHA.SHA256_CTX, folder)), sha256)
    end
    return folder
end

function check(name, found, locked)
    found == locked || error("$name has the git tree $found, and $locked is locked")
end

# Lay the source of a package into the depot; the folder.
function lay(name, uuid, tree, sha256)
    slug = Base.version_slug(Base.UUID(uuid), Base.SHA1(tree))
    folder = joinpath(DEPOT, "packages", name, slug)
    return unpack(name, "package/$uuid/$tree", folder, tree, sha256)
end

# Lay an artifact into the depot, unless an image below or another package has it.
function lay_artifact(name, tree, sha256)
    folder = joinpath(DEPOT, "artifacts", tree)
    isdir(folder) || unpack(name, "artifact/$tree", folder, tree, sha256)
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
    entries = split.(eachline(LOCKED))
    for (name, version, uuid, tree, sha256) in entries
        if uuid == "artifact"
            lay_artifact(name, tree, sha256)
        else
            push!(locked, (name, version, uuid, tree, lay(name, uuid, tree, sha256)))
        end
    end
    # An older lock lacks the artifacts, and the second tree.
    any(last(entry) == "-" for entry in entries) || Pkg.offline(true)
    every = Dict(item[3] => item for item in [installed(); locked])  # by uuid
    write_registry(values(every))
end
names = first.(split.(ARGS, "@"))  # NAME@lazy: with its lazy artifacts
Pkg.add([Pkg.PackageSpec(name = string(name)) for name in names])
# Pkg builds what it laid down itself.
built = [name for (name, _, _, _, folder) in locked if isfile(joinpath(folder, "deps", "build.jl"))]
isempty(built) || Pkg.build(string.(built))

epoch = get(ENV, "SOURCE_DATE_EPOCH", "0")
run(`find $DEPOT -exec touch --no-dereference --date=@$epoch "{}" +`)
Pkg.precompile()
for name in names
    run(`$(Base.julia_cmd()) --startup-file=no --project=$(Base.active_project()) -e "import $name"`)
end

# The registry is old tomorrow, and the logs are of this machine.
for name in ("registries", "logs", "clones")
    rm(joinpath(DEPOT, name), force = true, recursive = true)
end
