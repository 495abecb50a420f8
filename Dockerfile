# One image for all services; the command names which. Needs no BuildKit, so that docker-compose 1.29 builds it too.
#
#   docker build -t tocsin .
#   docker run --rm tocsin services.router
#
# Behind a proxy or a mirror: --build-arg PIP_INDEX_URL=…, and a base image that trusts its certificate.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS packages
ARG PIP_INDEX_URL
ARG PIP_CERT
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements/run.txt /tmp/run.txt
RUN python3 -m venv /opt/tocsin/venv \
 && /opt/tocsin/venv/bin/pip install --require-hashes --only-binary :all: -r /tmp/run.txt

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
