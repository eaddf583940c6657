"""TensorFlow computes; for a GPU it is of the CUDA whose libraries it brings."""

import pytest

COMPUTE = r"""
import tensorflow as tf
x = tf.reshape(tf.range(6.0), (2, 3))
with tf.GradientTape() as tape:
    tape.watch(x)
    loss = tf.reduce_sum(tf.matmul(x, x, transpose_b=True))
print(loss.numpy(), tape.gradient(loss, x).numpy().sum())
"""

MODEL = r"""
import keras, numpy
keras.utils.set_random_seed(0)
model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
model.compile(keras.optimizers.SGD(0.1), "mse")
x = numpy.linspace(-1, 1, 64).reshape(-1, 1)
model.fit(x, 2 * x + 1, epochs=60, verbose=0)
print([round(float(item.ravel()[0]), 1) for item in model.get_weights()])
"""

# Found as TensorFlow finds them: in the packages beside it.
CUDA = r"""
import ctypes, glob, site, tensorflow as tf
info = tf.sysconfig.get_build_info()
print(tf.test.is_built_with_cuda(), info["cuda_version"].split(chr(46))[0])
(runtime,) = glob.glob(f"{site.getsitepackages()[0]}/nvidia/cuda_runtime/lib/libcudart.so.*")
version = ctypes.c_int()
assert ctypes.CDLL(runtime).cudaRuntimeGetVersion(ctypes.byref(version)) == 0
print(version.value // 1000)
(cudnn,) = glob.glob(f"{site.getsitepackages()[0]}/nvidia/cudnn/lib/libcudnn.so.*")
print(ctypes.CDLL(cudnn).cudnnGetVersion() // 10000, info["cudnn_version"])
"""

ON_GPU = r"""
import tensorflow as tf
with tf.device("/GPU:0"):
    x = tf.ones((64, 64))
    print(tf.reduce_sum(x @ x).numpy())
"""


def python(host, code):
    """What a program prints; it must succeed. The program holds no single quote."""
    assert "'" not in code
    done = host.run(f"cd /tmp && TF_CPP_MIN_LOG_LEVEL=3 python -c '{code}'")
    assert done.rc == 0, done.stderr[-3000:]
    return done.stdout.strip()


def brings_cuda(facts):
    return facts["providers"]["tensorflow"] == "pypi"


def test_tensorflow_is_the_version_of_the_lock(host, facts):
    found = python(host, "import tensorflow as tf; print(tf.__version__)")
    assert found == facts["versions"]["tensorflow"]


def test_tensorflow_computes(host):
    assert python(host, COMPUTE) == "83.0 60.0"


def test_a_model_learns(host):
    assert python(host, MODEL) == "[2.0, 1.0]"


def test_tensorflow_is_for_the_gpu_or_not(host, facts):
    if brings_cuda(facts):
        built, runtime, cudnn = (line.split() for line in python(host, CUDA).split("\n"))
        assert built == ["True", runtime[0]]
        assert cudnn[0] == cudnn[1]
    else:
        code = "import tensorflow as tf; print(tf.test.is_built_with_cuda())"
        assert python(host, code) == "False"
        assert "nvidia-" not in host.check_output("pip list --format=freeze")


def test_cuda_is_there_once(host):
    found = host.check_output("find / -xdev -name 'libcublas.so.*' -type f 2>/dev/null || true")
    assert len(found.splitlines()) <= 1


def test_packages_of_tensorflow_fit_together(host):
    assert host.check_output("pip check") == "No broken requirements found."


@pytest.mark.gpu
def test_tensorflow_computes_on_a_gpu(host, facts):
    if not brings_cuda(facts):
        pytest.skip("this image is made to do without a GPU")
    code = 'import tensorflow as tf; print(len(tf.config.list_physical_devices("GPU")))'
    if python(host, code) == "0":
        pytest.skip("the container sees no GPU")
    assert python(host, ON_GPU) == "262144.0"
