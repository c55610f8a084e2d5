"""Access tokens: checking those that come in, getting those a service account sends out."""

from ioc_kit.auth.service_token import ServiceToken
from ioc_kit.auth.verifier import TokenRefused, TokenVerifier

__all__ = ["ServiceToken", "TokenRefused", "TokenVerifier"]
