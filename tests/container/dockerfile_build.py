"""Builds the file tree of a Dockerfile's last stage without a container engine.

The instructions are the Dockerfile's own: a stage is a folder, `RUN` runs in it by chroot, `COPY`
copies into it. What an engine would pull is taken from this machine instead: a stage that starts
from an image of Python gets an environment of this machine's Python as /usr/local, and sees that
Python and /usr/bin, /usr/lib and so on, read-only; other images are given by the caller. So the
machine's Python and system libraries, not those of Debian's slim image, are below the tree.
"""

import fnmatch
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

NETWORK = re.compile(
    r".*_proxy|(SSL|PIP|UV|REQUESTS)_.*(CERT|INDEX|BUNDLE|TIMEOUT).*", re.IGNORECASE
)
"""The variables of this machine that say how packages are reached; no engine passes others."""

SYSTEM_FOLDERS = ("bin", "include", "lib", "lib64", "libexec", "sbin", "share")
"""Of /usr, what is shown to a stage."""

UNSHARE = (shutil.which("unshare") or "unshare", "--mount", "--propagation=unchanged")
"""Gives a command mounts of its own, once it has made them private."""

# In a chroot, `/` is no mount that could be made private; then its mounts must be private already.
MAKE_PRIVATE = """
mount --make-rprivate / 2>/dev/null || test "$(findmnt -no PROPAGATION --target "$2")" = private
"""

PYTHON = Path(sys.base_prefix)
"""This machine's own; the base of the environment that runs the tests."""


@dataclass
class Stage:
    """A stage of a build: a folder, and the state that instructions leave for the next."""

    root: Path
    environment: dict[str, str] = field(default_factory=dict)
    folder: str = "/"
    user: str = "root"
    entrypoint: list[str] = field(default_factory=list)

    def path(self, name: str) -> Path:
        """Where a path of the stage is on this machine."""
        return self.root / os.path.join(self.folder, name).lstrip("/")

    def run(
        self, command: list[str], caches: Mapping[str, Path] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command in the stage as an engine would, as its user and in its folder."""
        system = [(f"/usr/{name}", f"usr/{name}") for name in SYSTEM_FOLDERS]
        mounts = [*system, ("/proc", "proc"), ("/dev", "dev")]
        if Path("/usr") != PYTHON:
            mounts.append((str(PYTHON), str(PYTHON).lstrip("/")))
        mounts += [(str(here), there.lstrip("/")) for there, here in (caches or {}).items()]
        steps = [MAKE_PRIVATE]
        for here, there in mounts:
            if not Path(here).exists():
                continue
            target = self.root / there
            target.mkdir(parents=True, exist_ok=True)
            steps.append(shlex.join(["mount", "--rbind", here, str(target)]))
            if here.startswith(("/usr", str(PYTHON))):
                steps.append(shlex.join(["mount", "-o", "remount,bind,ro", str(target)]))
        steps.append(
            'exec chroot --userspec="$1" "$2" /bin/sh -c \'cd "$0" && exec "$@"\' "${@:3}"'
        )
        passed = {key: value for key, value in os.environ.items() if NETWORK.fullmatch(key)}
        users = [line.split(":") for line in (self.root / "etc/passwd").read_text().splitlines()]
        home = next(user[5] for user in users if self.user in (user[0], user[2]))
        arguments = [self.user, str(self.root), self.folder, *command]
        return subprocess.run(
            [*UNSHARE, "bash", "-euc", "\n".join(steps), "bash", *arguments],
            env=passed | {"HOME": home} | self.environment,
            capture_output=True,
            text=True,
            check=False,
        )


def can_build(folder: Path) -> bool:
    """Whether stages below a folder may have mounts that nothing else sees, which takes root."""
    command = [*UNSHARE, "bash", "-euc", MAKE_PRIVATE, "bash", "", str(folder)]
    return os.geteuid() == 0 and subprocess.run(command, check=False).returncode == 0


def instructions(dockerfile: str) -> list[tuple[str, str]]:
    """Parts a Dockerfile into instructions and what follows them, with lines joined."""
    lines = [line for line in dockerfile.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n", " ", "\n".join(lines))
    return [
        (word.upper(), rest.strip())
        for word, _, rest in (line.partition(" ") for line in joined.splitlines() if line.strip())
    ]


def context_files(project: Path) -> list[str]:
    """Lists what the builder is given: all files but those that .dockerignore names."""
    rules = [
        line
        for line in (project / ".dockerignore").read_text().splitlines()
        if line and not line.startswith("#")
    ]

    def ignored(path: Path) -> bool:
        outcome = False
        above = [str(parent) for parent in (path, *path.parents)][:-1]
        for rule in rules:
            pattern = rule.removeprefix("!").replace("**/", "*")
            # `**/` is for any folder above; fnmatch's `*` crosses folders by itself.
            if any(fnmatch.fnmatchcase(f"/{name}", f"/{pattern}") for name in above):
                outcome = not rule.startswith("!")
        return outcome

    files = (Path(folder, name) for folder, _, names in os.walk(project) for name in names)
    relative = (file.relative_to(project) for file in files)
    return sorted(str(path) for path in relative if not ignored(path))


def build(
    project: Path, scratch: Path, images: Mapping[str, Path], arguments: Mapping[str, str]
) -> Stage:
    """Builds a project's Dockerfile.

    Args:
        project: Where Dockerfile and .dockerignore are.
        scratch: An empty folder.
        images: The file trees of images that are not of Python, by name.
        arguments: What `--build-arg` would set.

    Returns:
        The last stage.
    """
    stages: dict[str, Stage] = {}
    stage = Stage(scratch)
    known: dict[str, str] = {}
    for word, rest in instructions((project / "Dockerfile").read_text()):
        expanded = _expand(rest, stage.environment | known)
        if word == "FROM":
            image, *name = re.split(r"\s+AS\s+", expanded, flags=re.IGNORECASE)
            stage = _start(image, scratch / (name[0] if name else "last"), images)
            stages[name[0] if name else "last"] = stage
            known = {}
        elif word == "ARG":
            key, _, default = rest.partition("=")
            known[key] = arguments.get(key, default)
        elif word == "ENV":
            stage.environment |= dict(pair.split("=", 1) for pair in shlex.split(expanded))
        elif word == "WORKDIR":
            stage.folder = expanded
            stage.path(".").mkdir(parents=True, exist_ok=True)
        elif word == "USER":
            stage.user = expanded
        elif word == "COPY":
            _copy(project, stages, stage, expanded)
        elif word == "RUN":
            _run(stage, rest, known)
        elif word in ("ENTRYPOINT", "CMD"):
            if word == "ENTRYPOINT":
                stage.entrypoint = json.loads(rest)
        else:
            raise NotImplementedError(word)
    return stage


def _expand(text: str, values: Mapping[str, str]) -> str:
    return re.sub(r"\$\{?(\w+)\}?", lambda match: values.get(match[1], ""), text)


def _start(image: str, root: Path, images: Mapping[str, Path]) -> Stage:
    if image in images:
        return Stage(images[image])
    version = ".".join(map(str, sys.version_info[:2]))
    assert image.startswith(f"python:{version}."), f"this machine's Python {version} is not {image}"
    root.mkdir(parents=True)
    for name in ("bin", "lib", "lib32", "lib64", "libx32", "sbin"):
        if Path("/", name).is_symlink():
            (root / name).symlink_to(f"usr/{name}")
    shutil.copytree("/etc", root / "etc", symlinks=True)
    for name in ("passwd", "group"):  # The people of this machine are none of the image's.
        lines = (root / "etc" / name).read_text().splitlines(keepends=True)
        (root / "etc" / name).write_text("".join(x for x in lines if int(x.split(":")[2]) < 1000))
    for name in ("root", "home", "tmp", "var/tmp", "usr/local"):
        (root / name).mkdir(parents=True, exist_ok=True)
    (root / "tmp").chmod(0o1777)
    path = "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
    stage = Stage(root, {"PATH": path, "LANG": "C.UTF-8"})
    done = stage.run([str(PYTHON / "bin" / f"python{version}"), "-m", "venv", "/usr/local"])
    assert done.returncode == 0, done.stdout + done.stderr
    return stage


def _copy(project: Path, stages: Mapping[str, Stage], stage: Stage, rest: str) -> None:
    words = shlex.split(rest)
    options = dict(word[2:].split("=", 1) for word in words if word.startswith("--"))
    *sources, target = [word for word in words if not word.startswith("--")]
    for source in sources:
        if "from" in options:
            here, there = stages[options["from"]].path(source), stage.path(target)
            shutil.copytree(here, there, symlinks=True, dirs_exist_ok=True)
            continue
        files = context_files(project)
        if source != ".":
            assert source in files, f"COPY finds no {source} in the context"
            files = [source]
        for file in files:
            name = Path(file).name if source != "." and target.endswith("/") else file
            name = "" if source != "." and not target.endswith("/") else name
            place = stage.path(os.path.join(target, name))
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(project / file, place)


def _run(stage: Stage, rest: str, known: Mapping[str, str]) -> None:
    caches = {}
    while match := re.match(r"--mount=type=cache,target=(\S+)\s+", rest):
        caches[match[1]] = Path.home() / ".cache" / Path(match[1]).name  # This machine's own.
        caches[match[1]].mkdir(parents=True, exist_ok=True)
        rest = rest[match.end() :]
    given = Stage(stage.root, stage.environment | known, stage.folder, stage.user)
    done = given.run(["/bin/sh", "-c", rest], caches)
    print(done.stdout, done.stderr, sep="\n")
    assert done.returncode == 0, f"RUN {rest}\n{done.stdout}\n{done.stderr}"
