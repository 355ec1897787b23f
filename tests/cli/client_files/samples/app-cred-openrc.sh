#!/usr/bin/env bash

export OS_AUTH_TYPE=v3applicationcredential
export OS_AUTH_URL=https://cloud.example.com:5000
export OS_IDENTITY_API_VERSION=3
export OS_REGION_NAME="RegionOne"
export OS_INTERFACE=public
export OS_APPLICATION_CREDENTIAL_ID=0ab1c2d3e4f54a0f8a1b2c3d4e5f6071
export OS_APPLICATION_CREDENTIAL_SECRET=not-a-real-secret
