# The debian layer where a registry answers. Elsewhere the same packages are put together without one.
FROM debian:bookworm-slim
COPY packages.txt /tmp/packages.txt
RUN apt-get update -q \
 && sed 's/#.*//' /tmp/packages.txt | DEBIAN_FRONTEND=noninteractive xargs apt-get install -qy --no-install-recommends \
 && rm -rf /var/lib/apt/lists/* /tmp/packages.txt
