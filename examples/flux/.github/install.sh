#!/bin/sh
# install.sh apigee-flux: copies the program from its image, which contains nothing else.
set -eu
container=$(docker create ghcr.io/apigee-flux/apigee-flux:v0.1.0)
sudo docker cp "$container:/apigee-flux" "/usr/local/bin/$1"
docker rm "$container" > /dev/null
