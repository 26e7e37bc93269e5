import numpy as np
import pytest
import tensorflow as tf
from failing_storage import OUTAGE, FailingStorage

from vggish.networks.pca_postprocessor import load_postprocessor
from vggish.npz_files import read_arrays, write_arrays
from vggish.weights.weight_arrays import load_weights


@pytest.mark.parametrize("place", ["{folder}/arrays.npz", "ram://arrays.npz"])
@pytest.mark.parametrize("compressed", [False, True])
def test_arrays_are_read_back_from_every_file_system(tmp_path, place, compressed):
    path = place.format(folder=tmp_path)
    written = {"a/b": np.arange(6.0).reshape(2, 3), "names": np.array(["x", "yz"])}
    write_arrays(path, written, compressed=compressed)
    found = read_arrays(path)
    assert found.keys() == written.keys()
    for name, array in written.items():
        np.testing.assert_array_equal(found[name], array)
    assert not list(tmp_path.glob("*.partial"))


def test_other_files_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_arrays(tmp_path / "absent.npz")
    np.savez(tmp_path / "pickled.npz", a=np.array([{}], dtype=object))
    with (tmp_path / "single.npz").open("wb") as file:
        np.save(file, np.zeros(3))
    (tmp_path / "text.npz").write_text("no archive")
    (tmp_path / "empty.npz").touch()
    for path in (*tmp_path.glob("*.npz"), tmp_path):
        with pytest.raises(ValueError, match=r"arrays|pickle"):
            read_arrays(path)


@pytest.mark.parametrize("read", [read_arrays, load_weights, load_postprocessor])
def test_an_outage_of_the_storage_is_not_a_fault_of_the_file(read, storage: FailingStorage):
    write_arrays("ram://outage.npz", {"a": np.zeros(3)})
    storage.error = OUTAGE
    with pytest.raises(tf.errors.UnavailableError, match="the bucket is away"):
        read("ram://outage.npz")
    assert storage.failed
