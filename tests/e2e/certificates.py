# SPDX-License-Identifier: MIT
"""Certificates of every kind that a server may show, right and wrong, made by the program openssl.

    pki = Pki(tmp_path)
    good = pki.issue("good")
    late = pki.issue("late", days=(-20, -10))
    ...  # good.chain, good.key, pki.root
"""
from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

OPENSSL = shutil.which("openssl")

CONFIG = """
[ca]
default_ca = x
[x]
database = {folder}/index.txt
new_certs_dir = {folder}
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
copy_extensions = none
[any]
commonName = supplied
[req]
distinguished_name = empty
[empty]
[authority]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = CA:false
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""


@dataclass
class Certificate:
    """One certificate: its file, that of its key, and one of it with what stands between it and the root."""

    name: str
    file: Path
    key: Path
    chain: Path


class Pki:
    """A root, an intermediate authority below it, and what the latter issues."""

    def __init__(self, folder: Path):
        self.folder = folder / "pki"
        self.folder.mkdir()
        (self.folder / "index.txt").touch()
        self.config = self.folder / "openssl.cnf"
        self.config.write_text(CONFIG.format(folder=self.folder))
        self.root = self._root("root", "Test Root")
        self.stranger = self._root("stranger", "Stranger Root")
        self.middle = self._sign("middle", "Test Middle", self.root, "authority", (-1, 100), "")

    def issue(
        self,
        name: str,
        *,
        hosts: str = "DNS:localhost,IP:127.0.0.1,IP:::1",
        days: tuple[float, float] = (-1, 30),
        issuer: Certificate | None = None,
        common_name: str | None = None,
    ) -> Certificate:
        """A certificate for `hosts`, valid from and to so many days from now, by the intermediate authority unless `issuer` is given."""
        return self._sign(name, common_name or name, issuer or self.middle, "leaf", days, f"subjectAltName = {hosts}\n" if hosts else "")

    def self_signed(self, name: str) -> Certificate:
        """One that nobody else has signed."""
        return self._root(name, name, "subjectAltName=DNS:localhost,IP:127.0.0.1")

    def revoke(self, certificate: Certificate) -> None:
        """Notes that it is not valid any more."""
        issuer = ["-cert", self.middle.file, "-keyfile", self.middle.key]
        self._openssl("ca", "-config", self.config, "-revoke", certificate.file, *issuer)

    def ocsp(self, certificate: Certificate, file: Path, signer: Certificate) -> Path:
        """What a responder says of a certificate of the intermediate authority, signed by `signer`."""
        self._openssl(
            "ocsp", "-index", self.folder / "index.txt", "-CA", self.middle.file, "-issuer", self.middle.file,
            "-cert", certificate.file, "-rsigner", signer.file, "-rkey", signer.key, "-ndays", "3", "-respout", file,
        )  # fmt: skip
        return file

    # ---- how they are made ----

    def _openssl(self, *words: str | Path) -> None:
        subprocess.run([OPENSSL or "openssl", *map(str, words)], check=True, capture_output=True)

    def _key(self, name: str) -> Path:
        key = self.folder / f"{name}.key"
        self._openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key)
        return key

    def _root(self, name: str, common_name: str, *extensions: str) -> Certificate:
        key, file = self._key(name), self.folder / f"{name}.pem"
        added = [word for extension in extensions for word in ("-addext", extension)]
        self._openssl(
            "req", "-x509", "-new", "-key", key, "-out", file, "-days", "100", "-subj", f"/CN={common_name}", *added
        )  # fmt: skip
        return Certificate(name, file, key, file)

    def _sign(
        self, name: str, common_name: str, issuer: Certificate, section: str, days: tuple[float, float], more: str
    ) -> Certificate:
        import time

        key, file, request = self._key(name), self.folder / f"{name}.pem", self.folder / f"{name}.csr"
        config = self.folder / f"{name}.cnf"
        config.write_text(CONFIG.format(folder=self.folder) if section != "leaf" else CONFIG.format(folder=self.folder) + more)
        from_, to = (time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + day * 86400)) for day in days)
        self._openssl("req", "-new", "-key", key, "-out", request, "-subj", f"/CN={common_name}", "-config", config)
        self._openssl(
            "ca", "-batch", "-notext", "-config", config, "-in", request, "-out", file, "-cert", issuer.file,
            "-keyfile", issuer.key, "-startdate", from_, "-enddate", to, "-extensions", section,
        )  # fmt: skip
        chain = self.folder / f"{name}.chain.pem"
        chain.write_text(file.read_text() + ("" if issuer.chain == issuer.file else issuer.chain.read_text()))
        if section == "authority":
            chain.write_text(file.read_text())
            return Certificate(name, file, key, chain)
        if issuer.name == "middle":
            chain.write_text(file.read_text() + issuer.file.read_text())
        return Certificate(name, file, key, chain)
