# syntax=docker/dockerfile:1
# What Kubeflow, Vertex AI and Beam's runners start vggish-tfx from; see docs/deploying.md.
#
#   docker build --tag vggish-tfx .
#   docker build --tag vggish-tfx:gpu --build-arg VARIANT=gpu .

FROM apache/beam_python3.13_sdk:2.77.0 AS beam

FROM python:3.13.15-slim-trixie AS build
ARG VARIANT=cpu
ENV UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
RUN python -m pip install --no-cache-dir uv==0.13.8 \
 && uv venv /opt/venv
WORKDIR /src
COPY requirements.lock ./
COPY deploy/container/${VARIANT}.lock deploy/container/
# The lock is complete; --no-deps leaves out what it leaves out.
RUN --mount=type=cache,target=/root/.cache/uv \
    uv pip install --quiet --python /opt/venv --no-deps --require-hashes \
      --build-constraints requirements.lock --requirements deploy/container/${VARIANT}.lock
COPY . ./
RUN --mount=type=cache,target=/root/.cache/uv \
    uv build --quiet --wheel --build-constraints requirements.lock --require-hashes --out-dir dist \
 && uv pip install --quiet --python /opt/venv --no-deps dist/*.whl
# It compiles, too, since the user of the image cannot write there.
RUN python deploy/container/slim.py --variant ${VARIANT} /opt/venv/lib/python3.13/site-packages

FROM python:3.13.15-slim-trixie
COPY --from=beam /opt/apache/beam /opt/apache/beam
COPY --from=build /opt/venv /opt/venv
COPY deploy/container/entrypoint.sh /usr/local/bin/entrypoint.sh
# Beam's boot program would make an environment of its own, without these packages.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    RUN_PYTHON_SDK_IN_DEFAULT_ENVIRONMENT=1 \
    MPLCONFIGDIR=/tmp/matplotlib \
    NUMBA_CACHE_DIR=/tmp/numba \
    TF_CPP_MIN_LOG_LEVEL=1
RUN useradd --uid 1000 --create-home vggish \
 && install --directory --owner vggish /work
# By number, which Kubernetes' runAsNonRoot asks for.
USER 1000
WORKDIR /work
ENTRYPOINT ["/usr/local/bin/entrypoint.sh"]
CMD ["--help"]
