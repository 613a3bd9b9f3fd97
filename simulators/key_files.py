"""Reads the RSA keys that the configuration names; for the platforms that hold their keys as files."""

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from simulators.config import ConfigError
from simulators.core import World


def public_key(world: World, name: str) -> rsa.RSAPublicKey:
    """Return the public key of a file. Raises ConfigError."""
    try:
        key = serialization.load_pem_public_key(world.config.read_file(name))
    except ValueError as error:
        raise ConfigError(f"key file {name}: not a PEM public key") from error
    if not isinstance(key, rsa.RSAPublicKey):
        raise ConfigError(f"key file {name}: not an RSA key")
    return key


def private_key(world: World, name: str) -> rsa.RSAPrivateKey:
    """Return the private key of a file. Raises ConfigError."""
    try:
        key = serialization.load_pem_private_key(world.config.read_file(name), None)
    except ValueError as error:
        raise ConfigError(f"key file {name}: not a PEM private key") from error
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ConfigError(f"key file {name}: not an RSA key")
    return key
