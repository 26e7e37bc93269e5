#!/bin/sh
# Makes .venv with the locked dependencies; `make setup` calls it.
#
# PYTHON names the Python to use; by default uv takes a 3.13 or 3.12 that it finds, or downloads one.
set -eu

UV_VERSION=0.13.8
UV_HOME=.cache/uv  # Where uv goes if the machine has none.

stop() {
  echo "$1" >&2
  exit 2
}

container="use the container image instead (docs/deploying.md#the-image)"

[ "$(uname -sm)" = "Linux x86_64" ] \
  || stop "vggish-tfx installs on Linux for x86_64, not on $(uname -sm), for which TFX has no complete set of packages; $container."
glibc=$(getconf GNU_LIBC_VERSION 2>/dev/null | cut -d ' ' -f 2)
[ "$(printf '%s\n2.39\n' "${glibc:-0}" | sort -V | head -n 1)" = 2.39 ] \
  || stop "TFX's packages need glibc 2.39 or newer, as in Ubuntu 24.04 and Debian 13, and this system has ${glibc:-another C library}; $container."

if ! command -v uv >/dev/null; then
  [ -x $UV_HOME/bin/uv ] || {
    rm -rf $UV_HOME
    { python3 -m venv $UV_HOME && $UV_HOME/bin/python -m pip install --quiet uv==$UV_VERSION; } >&2
  } || stop "Cannot get uv, which installs everything else; install it, or Python's venv module (apt install python3-venv)."
  PATH="$PWD/$UV_HOME/bin:$PATH"
fi

uv venv --quiet --allow-existing --python "${PYTHON:->=3.12,<3.14}" .venv \
  || stop "vggish-tfx needs Python 3.13 or 3.12, and uv neither found nor could download one; name one: make PYTHON=/path/to/python3.13."
# An override for programs, so that a wrong PYTHON is a sentence, not a resolver's tree.
.venv/bin/python -c 'import sys; sys.exit(not (3, 12) <= sys.version_info[:2] <= (3, 13))' \
  || stop "vggish-tfx needs Python 3.13 or 3.12, not $(.venv/bin/python -V); name another: make PYTHON=/path/to/python3.13."

echo "Installing the locked dependencies into .venv"
uv pip install --quiet --compile-bytecode --python .venv/bin/python --require-hashes -r requirements.lock
uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --editable .
touch .venv/installed
