# The trainer with vLLM, from the repository's root: docker build -f deploy/trainer.Dockerfile -t goodcall-trainer .
# For x86_64 machines with a driver for CUDA 13: the CUDA libraries come as wheels of torch, a base with CUDA would bring
# them a second time.
FROM python:3.13.14-slim-trixie@sha256:6771159cd4fa5d9bba1258caf0b82e6b73458c694d178ad97c5e925c2d0e1a91 AS build

WORKDIR /build
COPY deploy/requirements-build.txt deploy/requirements-trainer.txt ./
RUN python -m pip install --no-cache-dir --require-hashes --only-binary :all: -r requirements-build.txt \
    && python -m venv --without-pip /opt/trainer \
    && python -m pip --python /opt/trainer install --no-cache-dir --require-hashes --only-binary :all: -r requirements-trainer.txt

COPY client/ client/
COPY trainer/ trainer/
RUN python -m pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir dist ./client ./trainer \
    && python -m pip --python /opt/trainer install --no-cache-dir --no-deps --no-index dist/*.whl


FROM python:3.13.14-slim-trixie@sha256:6771159cd4fa5d9bba1258caf0b82e6b73458c694d178ad97c5e925c2d0e1a91

# Triton and torch.compile make C while they run. The container runtime mounts the driver.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc g++ libc6-dev \
    && rm -rf /var/lib/apt/lists/* /usr/local/lib/python3.13/site-packages/pip* /usr/local/lib/python3.13/ensurepip /usr/local/bin/pip*

COPY --from=build /opt/trainer /opt/trainer

# All that is compiled or fetched while it runs goes to one place that may be written: a volume, or /tmp.
ENV PATH=/opt/trainer/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    HOME=/tmp \
    HF_HUB_DISABLE_TELEMETRY=1 \
    VLLM_NO_USAGE_STATS=1

USER 10001:10001
WORKDIR /tmp
# A run ends by itself, and what it logs says how it is; there is nothing to ask.
HEALTHCHECK NONE
ENTRYPOINT ["goodcall-train"]
CMD ["--help"]
