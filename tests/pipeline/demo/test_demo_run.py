"""The demo beside another run in its folder."""

import signal
import subprocess
import sys
from pathlib import Path

from pipeline.runners.run_folder import open_run_folder


def test_demo_writes_nothing_while_another_run_uses_its_folder(tmp_path: Path) -> None:
    command = str(Path(sys.executable).with_name("vggish-tfx"))
    folder = open_run_folder(tmp_path / "demo")
    with folder.alone(print):
        demo = subprocess.Popen(
            [command, "demo", f"--output={folder.root}"], stderr=subprocess.PIPE, text=True
        )
        assert demo.stderr is not None
        assert demo.stderr.readline().startswith("Another run is using")
        assert not (folder.root / "sounds").exists()
        demo.send_signal(signal.SIGINT)
        assert demo.communicate()[1].endswith("continue.\n")
    assert demo.returncode == 130
