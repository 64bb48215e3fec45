"""decant's safetensors files against Python's safetensors package, both ways. Exits 77 (skipped) where it is not installed.

usage: safetensors_python.py SAMPLE_PROGRAM FOLDER
"""
import os
import subprocess
import sys

try:
    import numpy as np
    from safetensors import safe_open
    from safetensors.numpy import save_file
except ImportError as missing:
    print(f"skipped: {missing}; pip install safetensors numpy, or name another Python in DECANT_PYTHON")
    sys.exit(77)

program, folder = sys.argv[1:3]
note = 'é "quoted"\n'
expected = {
    "layer.weight": np.array([[0.5, -1.25, 3.0], [1e-20, -7.0, 65504.0]], dtype=np.float32),
    "double": np.array([0.1, -1e300]),
    "num_batches_tracked": np.array(-1234567890123, dtype=np.int64),
    "i32": np.array([7, -8], dtype=np.int32),
    "u8": np.array([0, 128, 255], dtype=np.uint8),
    "nothing": np.zeros((0, 4), dtype=np.float32),
}

path = os.path.join(folder, "from_decant.safetensors")
subprocess.run([program, "write", path], check=True)
with safe_open(path, framework="numpy") as file:
    assert set(file.keys()) == set(expected) | {"bf16"}, list(file.keys())
    assert file.metadata() == {"format": "pt", "note": note}, file.metadata()
    for name, values in expected.items():
        got = file.get_tensor(name)
        assert got.dtype == values.dtype and got.shape == values.shape, (name, got.dtype, got.shape)
        assert np.array_equal(got, values), (name, got)
    assert file.get_slice("bf16").get_dtype() == "BF16"

path = os.path.join(folder, "from_python.safetensors")
save_file(expected, path, metadata={"note": note})
subprocess.run([program, "read", path], check=True)
print("both ways: the same tensors")
