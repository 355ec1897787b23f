#!/usr/bin/env bash
# openrc [username] [projectname]
if [[ -n "$1" ]]; then
    OS_USERNAME=$1
fi
RC_DIR=$(cd $(dirname "${BASH_SOURCE:-$0}") && pwd)
source $RC_DIR/functions
source $RC_DIR/stackrc
export OS_PROJECT_NAME=${OS_PROJECT_NAME:-demo}
export OS_USERNAME=${OS_USERNAME:-demo}
export OS_PASSWORD=${ADMIN_PASSWORD:-secret}
export OS_AUTH_URL=$KEYSTONE_SERVICE_URI
