"""PyTorch computes; for a GPU it is of the CUDA whose libraries it brings."""

import pytest

COMPUTE = r"""
import torch
x = torch.arange(6.0).reshape(2, 3).requires_grad_()
loss = (x @ x.T).sum()
loss.backward()
print(loss.item(), x.grad.sum().item())
"""

# Operators in C++ of the other package: they must fit this torch.
OTHERS = r"""
import torch, torchvision
boxes = torch.tensor([[0.0, 0, 1, 1], [0, 0, 1, 1.1], [5, 5, 6, 6]])
print(torchvision.ops.nms(boxes, torch.tensor([0.9, 0.8, 0.7]), 0.5).tolist())
"""

CUDA = r"""
import ctypes, torch
print(torch.version.cuda, torch.backends.cudnn.version() > 0)
version = ctypes.c_int()
name = f"libcudart.so.{torch.version.cuda.split(chr(46))[0]}"
assert ctypes.CDLL(name).cudaRuntimeGetVersion(ctypes.byref(version)) == 0
print(version.value // 1000)
"""

ON_GPU = r"""
import torch
x = torch.ones(64, 64, device="cuda")
print((x @ x).sum().item())
"""


def python(host, code):
    """What a program prints; it must succeed. The program holds no single quote."""
    assert "'" not in code
    done = host.run(f"cd /tmp && python -c '{code}'")
    assert done.rc == 0, done.stderr[-3000:]
    return done.stdout.strip()


def brings_cuda(facts):
    return facts["providers"]["pytorch"] == "pypi"


def test_torch_is_the_version_of_the_lock(host, facts):
    found = python(host, "import torch; print(torch.__version__)")
    assert found.split("+")[0] == facts["versions"]["pytorch"]


def test_torch_computes(host):
    assert python(host, COMPUTE) == "83.0 60.0"


def test_torchvision_fits_torch(host):
    assert python(host, OTHERS) == "[0, 2]"


def test_torch_is_for_the_gpu_or_not(host, facts):
    if brings_cuda(facts):
        cuda, major = python(host, CUDA).split("\n")
        assert cuda.split()[1] == "True"
        assert cuda.split(".")[0] == major
    else:
        assert python(host, "import torch; print(torch.version.cuda)") == "None"
        assert "nvidia-" not in host.check_output("pip list --format=freeze")


def test_cuda_is_there_once(host):
    found = host.check_output("find / -xdev -name 'libcublas.so.*' -type f 2>/dev/null || true")
    assert len(found.splitlines()) <= 1


@pytest.mark.gpu
def test_torch_computes_on_a_gpu(host, facts):
    if not brings_cuda(facts):
        pytest.skip("this image is made to do without a GPU")
    if python(host, "import torch; print(torch.cuda.is_available())") != "True":
        pytest.skip("the container sees no GPU")
    assert python(host, ON_GPU) == "262144.0"
