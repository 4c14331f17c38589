#!/bin/sh
# Makes an authority and one certificate for the three NATS servers in ops/bus/tls, for a rehearsal: valid for 30 days.
# A desk takes those of its own authority.
set -eu
cd "$(dirname "$0")"
mkdir -p tls
cd tls
umask 077
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -keyout ca.key -out ca.crt \
  -subj "/CN=Stormwatch rehearsal" -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign"
openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout server.key -out server.csr -subj "/CN=nats"
cat > server.ext <<'EXT'
subjectAltName = DNS:nats-0.nats, DNS:nats-1.nats, DNS:nats-2.nats, DNS:localhost, IP:127.0.0.1
extendedKeyUsage = serverAuth, clientAuth
EXT
openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -extfile server.ext -out server.crt
chmod 644 ca.crt server.crt
rm server.csr server.ext
