"""TLS by the standard library's ssl: what clients are shown, and what backends have to show."""

import os
import ssl
from collections.abc import Iterator
from pathlib import Path

from balancer.say import say
from balancer.settings.config import BalancerConfig
from balancer.settings.problems import ConfigError, Problem

CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""For TLS 1.2: forward secrecy and authenticated encryption, nothing else (RFC 9325 section 4.2)."""


def problems(config: BalancerConfig) -> Iterator[Problem]:
    """What cannot work: of the files, that is, since BalancerConfig looks at the words only."""
    try:
        if config.tls_certificate:
            listener_context(config)
    except ConfigError as problem:
        yield Problem("tls_certificate", str(problem))
    try:
        if config.backend_ca:
            backend_context(config)
    except ConfigError as problem:
        yield Problem("backend_ca", str(problem))


class Certificate:
    """What the listener shows. New connections take the `context` in force; those that exist keep theirs."""

    def __init__(self, config: BalancerConfig, context: ssl.SSLContext | None = None) -> None:
        """`context`: the one to begin with, whatever the files hold by now."""
        self._config = config
        self.context = context or listener_context(config)

    def reload(self) -> None:
        """Read the files anew. What cannot be used changes nothing, and is said in one line on stderr."""
        try:
            self.context = listener_context(self._config)
        except ConfigError as problem:
            say(f"the old certificate stays in force: {problem}")


def listener_context(config: BalancerConfig) -> ssl.SSLContext:
    """TLS 1.2 and 1.3 for clients, with the certificate and key of the configuration. Raises ConfigError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_ciphers(CIPHERS)
    context.set_alpn_protocols(["http/1.1"])
    certificate, key = config.tls_certificate, config.tls_key or config.tls_certificate
    _require(certificate, b"-----BEGIN CERTIFICATE-----", "certificate")
    _require(key, b"PRIVATE KEY-----", "private key" + ("; name its file by --tls-key" if not config.tls_key else ""))

    def no_password() -> str:
        raise ConfigError(f"{key} is encrypted, and nobody is here to type: openssl pkey -in {key} -out PLAIN-KEY")

    try:
        context.load_cert_chain(certificate, key, no_password)
    except ssl.SSLError as problem:
        if problem.reason == "KEY_VALUES_MISMATCH":
            raise ConfigError(f"{key} is not the key of the first certificate in {certificate}") from None
        raise ConfigError(f"{certificate} and {key} cannot be used: {reason_of(problem)}") from None
    except OSError as problem:
        raise ConfigError(f"{certificate} and {key} cannot be read: {problem.strerror}") from None
    return context


def backend_context(config: BalancerConfig) -> ssl.SSLContext:
    """What https:// backends are checked against: the system's authorities or --backend-ca's. Raises ConfigError."""
    try:
        context = ssl.create_default_context(cafile=config.backend_ca or None)
    except ssl.SSLError as problem:
        raise ConfigError(f"{config.backend_ca} holds no certificate in PEM: {reason_of(problem)}") from None
    except OSError as problem:
        raise ConfigError(f"{config.backend_ca} cannot be read: {problem.strerror}") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if config.backend_verify == "none":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def reason_of(problem: Exception) -> str:
    """Why a connection has failed; of TLS in OpenSSL's words: `certificate verify failed: self-signed certificate`."""
    if isinstance(problem, ssl.SSLCertVerificationError):
        return f"certificate verify failed: {problem.verify_message}"
    if isinstance(problem, ssl.SSLError):
        return problem.reason.lower().replace("_", " ") if problem.reason else str(problem)
    if isinstance(problem, TimeoutError) and not problem.errno:
        return "no answer in time"
    if isinstance(problem, OSError) and problem.errno is not None and problem.errno > 0:
        return os.strerror(problem.errno)
    return getattr(problem, "strerror", "") or str(problem) or type(problem).__name__


def _require(path: str, mark: bytes, what: str) -> None:
    try:
        text = Path(path).read_bytes()
    except OSError as problem:
        raise ConfigError(f"{path} cannot be read: {problem.strerror}") from None
    if mark not in text:
        raise ConfigError(f"{path} holds no {what}")
