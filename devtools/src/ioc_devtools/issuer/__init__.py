"""The embedded OIDC issuer: Keycloak's URLs and tokens from the same realm file, for machines without Java.

For development and tests only; it refuses to start when ``IOC_ENVIRONMENT=production``. Sessions live in memory and end
with the process; the signing key stays in the state folder. `launch.start_issuer` starts one for a test suite.
"""
