# The service, from the repository's root: docker build -f deploy/service.Dockerfile -t goodcall .
# Both stages begin with the same base, by digest: the environment that the first makes is the second's to run.
FROM python:3.13.14-slim-trixie@sha256:6771159cd4fa5d9bba1258caf0b82e6b73458c694d178ad97c5e925c2d0e1a91 AS build

# For the compiled judge; nothing of it is in the image that is served.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /build
COPY deploy/requirements-build.txt deploy/requirements-service.txt ./
# The environment has no pip: the one of the base fills it.
RUN python -m pip install --no-cache-dir --require-hashes --only-binary :all: -r requirements-build.txt \
    && python -m venv --without-pip /opt/goodcall \
    && python -m pip --python /opt/goodcall install --no-cache-dir --require-hashes --only-binary :all: -r requirements-service.txt

COPY service/ service/
RUN python -m pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir dist ./service \
    && python -m pip --python /opt/goodcall install --no-cache-dir --no-deps --no-index dist/*.whl \
    && /opt/goodcall/bin/python -c "from goodcall import native; assert native.judge_group, 'the compiled judge is missing'"


FROM python:3.13.14-slim-trixie@sha256:6771159cd4fa5d9bba1258caf0b82e6b73458c694d178ad97c5e925c2d0e1a91

# What installs packages has no business where nothing is to be installed.
RUN rm -rf /usr/local/lib/python3.13/site-packages/pip* /usr/local/lib/python3.13/ensurepip /usr/local/bin/pip*

COPY --from=build /opt/goodcall /opt/goodcall

# Settings, so that other variables and flags still go before them. Beyond loopback it begins only with keys, or with
# GOODCALL_NO_AUTH where something else guards the port.
ENV PATH=/opt/goodcall/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    GOODCALL_HOST=0.0.0.0 \
    GOODCALL_PORT=8000 \
    GOODCALL_DRAIN_DELAY_S=5

# A number, so that Kubernetes sees that it is not root.
USER 10001:10001
WORKDIR /tmp
EXPOSE 8000
# Kubernetes has probes of its own; this is for `docker run` and compose.
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{os.environ[\"GOODCALL_PORT\"]}/readyz', timeout=2)"]
ENTRYPOINT ["goodcall"]
CMD ["serve"]
