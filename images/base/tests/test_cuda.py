"""The libraries of CUDA are those of the matrix, also where there is no GPU to use them on."""

import pytest

LIBRARIES = ("cublas", "cudart", "cufft", "curand", "cusolver", "cusparse")

# Each library is opened by its soname and asked which version it is; the package that it belongs
# to must say the same. The runtime counts in thousands, and knows no third number.
ASK = r"""
import ctypes, ctypes.util, re, subprocess, sys
output = lambda *argv: subprocess.check_output(argv, text=True)
for name in sys.argv[1:]:
    soname, value, said = ctypes.util.find_library(name), ctypes.c_int(), []
    library = ctypes.CDLL(soname)
    if name == "cudart":
        if library.cudaRuntimeGetVersion(ctypes.byref(value)) == 0:
            said = [value.value // 1000, value.value % 1000 // 10]
        else:
            # CUDA 11 wants a driver for that. The full name of its file has the version too.
            (path,) = {line.split()[-1] for line in open("/proc/self/maps") if "libcudart" in line}
            said = path.split(".so.")[1].split(".")
    else:
        for part in range(3):
            assert getattr(library, f"{name}GetProperty")(part, ctypes.byref(value)) == 0, soname
            said.append(value.value)
    said = ".".join(map(str, said))
    package = output("dpkg", "-S", f"*/{soname}").split(":")[0]
    version = output("dpkg-query", "-W", "-f", "${Version}", package)
    # Debian writes 12.4.5.8~12.4.1-2, and where upstream counted back 11.1.1+~10.3.5.147~12.4.1-2.
    assert re.search(rf"(^|~){re.escape(said)}[.~]", version), f"{soname}: {said}, not {version}"
    print(name, version)
"""

# What was taken out of wheels: each file is opened by its path, and each library must be the one
# that the loader finds by its name. The folder beside them says which wheels these were.
ASK_WHEELS = r"""
import ctypes, ctypes.util, glob, os, sys
place, names = sys.argv[1], sys.argv[2:]
files = sorted(glob.glob(f"{place}/lib/*.so.*"))
assert files, place
for file in files:
    ctypes.CDLL(file)
folders = [os.path.basename(path) for path in glob.glob(f"{place}/*.dist-info")]
wheels = dict(folder.removesuffix(".dist-info").split("-") for folder in folders)
for name in names:
    value, said = ctypes.c_int(), []
    library = ctypes.CDLL(ctypes.util.find_library(name))
    if name == "cudart":
        assert library.cudaRuntimeGetVersion(ctypes.byref(value)) == 0
        said = [value.value // 1000, value.value % 1000 // 10]
    else:
        for part in range(3):
            assert getattr(library, f"{name}GetProperty")(part, ctypes.byref(value)) == 0, name
            said.append(value.value)
    said = ".".join(map(str, said))
    version = wheels["nvidia_cuda_runtime" if name == "cudart" else f"nvidia_{name}"]
    assert f"{version}.".startswith(f"{said}."), f"{name}: {said}, not {version}"
    print(name, version)
print("toolkit", wheels["cuda_toolkit"])
"""

# A number goes to the device and comes back.
COMPUTE = r"""
import ctypes, ctypes.util
cuda = ctypes.CDLL(ctypes.util.find_library("cudart"))
here, there, back = ctypes.c_int(42), ctypes.c_void_p(), ctypes.c_int()
assert cuda.cudaMalloc(ctypes.byref(there), ctypes.c_size_t(4)) == 0
assert cuda.cudaMemcpy(there, ctypes.byref(here), ctypes.c_size_t(4), 1) == 0
assert cuda.cudaMemcpy(ctypes.byref(back), there, ctypes.c_size_t(4), 2) == 0
print(back.value)
"""


def has_cuda(facts):
    return facts["axes"].get("cuda", "none") != "none"


def test_libraries_of_cuda_are_those_of_the_lock(host, facts):
    if not has_cuda(facts):
        # What brings its own, as wheels do, keeps it out of everybody's way.
        assert "libcud" not in host.check_output("/sbin/ldconfig -p")
        return
    names, cuda = " ".join(LIBRARIES), facts["versions"]["cuda"]
    if facts["providers"]["cuda"] == "pypi":
        place = f"/usr/local/cuda-{facts['axes']['cuda']}"
        found = host.check_output(f"python3 -c '{ASK_WHEELS}' {place} {names}").splitlines()
        assert dict(line.split() for line in found).pop("toolkit") == cuda
        return
    found = host.check_output(f"python3 -c '{ASK}' {names}").splitlines()
    versions = dict(line.split() for line in found)
    assert set(versions) == set(LIBRARIES)
    assert versions["cudart"].startswith(cuda)


@pytest.mark.gpu
def test_cuda_computes(host, facts):
    if not has_cuda(facts):
        pytest.skip("this image has no CUDA of its own")
    if not host.file("/dev/nvidiactl").exists:
        pytest.skip("this container was given no GPU")
    assert host.check_output(f"python3 -c '{COMPUTE}'") == "42"
