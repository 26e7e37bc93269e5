import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run(program):
    return subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, cwd=ROOT
    ).stdout


def test_importing_costs_nothing():
    loaded = run(
        "import sys; before = set(sys.modules); import vggish; print(*set(sys.modules) - before)"
    )
    assert not {"tensorflow", "keras", "numpy", "soundfile", "tfx", "apache_beam"} & set(
        loaded.split()
    )


def test_the_whole_library_is_there_without_tfx_and_beam():
    found = run(
        "import sys, pkgutil, importlib, vggish\n"
        "first = [getattr(vggish, name) for name in vggish.__all__]\n"
        "for module in pkgutil.iter_modules(vggish.__path__, 'vggish.'):\n"
        "    importlib.import_module(module.name)\n"
        "names = [name for name, found in zip(vggish.__all__, first)"
        " if found is getattr(vggish, name)]\n"
        "assert set(names) <= set(dir(vggish))\n"
        "try: vggish.vgg\n"
        "except AttributeError as error: print(error)\n"
        "print(len(first))\n"
        "print(*names)\n"
        "print(*sys.modules)"
    )
    *_, refusal, count, names, modules = found.splitlines()
    assert len(names.split()) == int(count)
    assert refusal == "module 'vggish' has no attribute 'vgg'"
    assert {"decode", "windows_from_pcm16", "build_features", "NETWORKS"} <= set(names.split())
    loaded = modules.split()
    assert {"vggish.networks.log_mel", "tensorflow"} <= set(loaded)
    assert not [name for name in loaded if name.split(".")[0] in ("tfx", "apache_beam", "tfx_bsl")]


def test_audio_needs_no_tensorflow():
    assert "tensorflow" not in run("import sys, vggish.audio.decoding; print(*sys.modules)").split()
