# Debian's PostgreSQL behind the interface of the official image, as far as compose.yaml uses it.
ARG SERVICES
FROM ${SERVICES}
ENV PATH=/usr/lib/postgresql/15/bin:$PATH
COPY postgres-entrypoint /usr/local/bin/
ENTRYPOINT ["postgres-entrypoint"]
CMD ["postgres"]
