"""Ed25519 signatures (RFC 8032) as whoever verifies the audit log needs them: nothing here can sign."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def holds(public_key: bytes, signature: bytes, message: bytes) -> bool:
    """Whether an Ed25519 signature is this key's over this message."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
